# Stands in for valkey/valkey:8-alpine: the same user, folder and programs, another Valkey inside.
FROM python:3.13-slim

LABEL stand-in=true

RUN groupadd --gid 1000 valkey && useradd --uid 999 --gid 1000 valkey && \
    install --directory --owner=999 --group=1000 /data
COPY valkey-server valkey-cli /usr/local/bin/
VOLUME ["/data"]
WORKDIR /data
CMD ["valkey-server"]
