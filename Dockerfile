# Compiles the sources, then leaves only what the server needs to run.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
# Port 88 without root. A runtime that takes this capability away (--cap-drop=ALL) must give it back (--cap-add=NET_BIND_SERVICE).
RUN apt-get update \
 && apt-get install -y --no-install-recommends libcap2-bin \
 && setcap cap_net_bind_service=+ep /usr/local/bin/node \
 && apt-get purge -y --auto-remove libcap2-bin \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o node -g node -m 0700 /var/lib/realmward
WORKDIR /opt/realmward
COPY package.json LICENSE NOTICE ./
COPY bin bin
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
USER node
# Mount the configuration here; in it, "data: /var/lib/realmward".
ENV NODE_ENV=production REALMWARD_CONFIG=/etc/realmward/realm.yaml
VOLUME /var/lib/realmward
EXPOSE 88/udp 88/tcp 464/udp 464/tcp 443/tcp
# Asks the server for a ticket, as a client would, and its HTTPS server how it is.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["node", "bin/realmward.js", "ping"]
ENTRYPOINT ["node", "bin/realmward.js"]
CMD ["serve"]
