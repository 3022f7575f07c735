# Stands in for python:3.13-slim: the same Debian, the distribution's own Python 3.13, no bytecode as there.
FROM scratch

LABEL stand-in=true
ADD python.tar /
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin LANG=C.UTF-8
CMD ["python3"]
