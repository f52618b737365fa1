# VORI with its page, Java for analytics, and everything of requirements.txt.
FROM python:3.11-slim-trixie AS built
RUN apt-get update && apt-get install -y --no-install-recommends make nodejs npm
WORKDIR /app
COPY . .
RUN make setup && rm -rf web/node_modules

FROM python:3.11-slim-trixie
RUN apt-get update \
    && apt-get install -y --no-install-recommends openjdk-21-jre-headless procps \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home vori
COPY --from=built /app /app
USER vori
ENV PATH=/app/.venv/bin:$PATH
EXPOSE 8700
HEALTHCHECK --start-period=60s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8700/health/live')"]
ENTRYPOINT ["vori"]
CMD ["serve"]
