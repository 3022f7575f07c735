// Starts Swagger UI on the OpenAPI document of the module that serves this page.
//
// Every address is taken relative to the page, so that it also works where a proxy puts the module below a path. The
// token lives in the page alone: a reload forgets it.
(() => {
  "use strict";

  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", prefersDark.matches);
  prefersDark.addEventListener("change", paint);
  paint();

  const base = new URL("./", document.location.href);

  // "/" in the document means "where the module is": below a proxy's path that is not the root of the host.
  const placed = (found) => ({ ...found, servers: [{ url: base.href.replace(/\/$/, "") }] });

  const tell = (text) => {
    document.getElementById("told").textContent = text;
  };

  const start = (found) => {
    const ui = window.SwaggerUIBundle({
      spec: placed(found),
      dom_id: "#operations",
      deepLinking: true,
      displayRequestDuration: true,
      docExpansion: "list",
      defaultModelsExpandDepth: 0,
      persistAuthorization: false,
      syntaxHighlight: { activated: true, theme: "agate" },
      tryItOutEnabled: true,
      validatorUrl: null,
    });
    const form = document.getElementById("credentials");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = document.getElementById("token").value.trim().replace(/^bearer\s+/i, "");
      if (token) {
        ui.preauthorizeApiKey("bearer", token);
      } else {
        ui.authActions.logout(["bearer"]);
      }
      tell(token ? "The token is sent with every request from here." : "No token is sent.");
    });
    form.hidden = false;
  };

  fetch(new URL("openapi.json", base))
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
    .then(start)
    .catch((reason) => tell(`The document could not be read: ${reason.message}. The list below is all there is.`));
})();
