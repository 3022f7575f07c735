# The module, and for trying it the sandbox. `docker build -t discord-action-module:1.0.0 .` makes the module;
# `--target sandbox` makes the other.
#
# A package index of your own is named by the builder, and no layer keeps it:
#   docker build --secret id=pip.conf,src="$HOME/.config/pip/pip.conf" -t discord-action-module:1.0.0 .

# ── packages: the locked requirements, and our code with its bytecode ────────────────────────────────────────────────
FROM python:3.13-slim AS packages

WORKDIR /build
RUN mkdir log
COPY requirements.txt ./
# Wheels alone, each checked against the lock's hashes: nothing is compiled, so no compiler is needed. Without pip in it,
# nor what packages bring for type checkers and compilers, the environment is what runs and nothing else.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python -m venv --without-pip /opt/venv && \
    python -m pip --python /opt/venv/bin/python install \
      --no-cache-dir --no-compile --only-binary :all: --require-hashes -r requirements.txt && \
    find /opt/venv -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.px[di]' \) -delete

COPY app.py config.py deploy/healthcheck.py /app/
COPY configuration/ /app/configuration/
COPY proto/ /app/proto/
COPY services/ /app/services/
COPY sandbox/ /sandbox/sandbox/
# The root filesystem is read-only where the image runs, so bytecode that is not here would be made anew at every start.
# It is taken without a look at the sources: their times do not survive every copy.
RUN PYTHONWARNINGS=ignore::SyntaxWarning \
    python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib /app /sandbox

# ── runtime: what both images share ──────────────────────────────────────────────────────────────────────────────────
FROM python:3.13-slim AS runtime

RUN groupadd --gid 1000 discord && \
    useradd --uid 1000 --gid 1000 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin discord
COPY --from=packages /opt/venv /opt/venv
# The standard library comes without bytecode, and little of it is used: importing both programs leaves that of what is.
RUN --mount=type=bind,from=packages,source=/app,target=/app \
    --mount=type=bind,from=packages,source=/sandbox,target=/sandbox \
    PYTHONPATH=/app:/sandbox /opt/venv/bin/python -c 'import app, healthcheck, sandbox.__main__, services.lifecycle'
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 1000:1000
STOPSIGNAL SIGTERM

# ── sandbox: a stand-in for Discord, to try the module against ───────────────────────────────────────────────────────
FROM runtime AS sandbox

LABEL org.opencontainers.image.title="Discord Action Module: sandbox" \
      org.opencontainers.image.description="A stand-in for Discord's REST API, for trying and testing" \
      org.opencontainers.image.version="1.0.0"
WORKDIR /sandbox
COPY --from=packages /sandbox /sandbox
COPY --from=packages /app/healthcheck.py /sandbox/
EXPOSE 8075
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-I", "-S", "healthcheck.py", "http://127.0.0.1:8075/_sandbox/stats"]
ENTRYPOINT ["python", "-m", "sandbox", "--host", "0.0.0.0"]

# ── the module ───────────────────────────────────────────────────────────────────────────────────────────────────────
FROM runtime AS module

ARG REVISION=unknown
LABEL org.opencontainers.image.title="Discord Action Module" \
      org.opencontainers.image.description="The door between a bot platform and Discord: gRPC and REST in, Discord out, every action on the record" \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.vendor="WaddleBot" \
      org.opencontainers.image.licenses="LicenseRef-Limited-AGPL-3.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13-slim"
WORKDIR /app
COPY --from=packages /app /app
# The one place that can be written: log files and, with them, the audit journal.
COPY --from=packages --chown=1000:1000 /build/log /var/log/waddlebotlog
VOLUME ["/var/log/waddlebotlog"]
ENV LOG_DIR=/var/log/waddlebotlog
EXPOSE 50051 8070
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-I", "-S", "healthcheck.py"]
# Exec form, no shell: our process is the container's first, and SIGTERM reaches it. The command may follow:
# `docker run discord-action-module:1.0.0 check-config`.
ENTRYPOINT ["python", "app.py"]
CMD ["serve"]
