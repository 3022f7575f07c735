# Stands in for prom/prometheus: the same user, folder and entry point, Debian's Prometheus inside.
FROM python:3.13-slim

LABEL stand-in=true

RUN install --directory --owner=65534 --group=65534 /prometheus
COPY prometheus /bin/prometheus
USER 65534
VOLUME ["/prometheus"]
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
