# Launcher and worker in one image, without a shell: see docs/image.md.
#
# The digest is that of the list of platforms behind the tag, as public repositories state it. It
# could not be asked of the registry when this was written; a wrong one fails the pull. To renew
# it: docker buildx imagetools inspect node:24.21.0-bookworm-slim
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
# The secret is for a registry of one's own; without it nothing is mounted.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build

FROM ${NODE_IMAGE} AS production
WORKDIR /production
COPY package.json package-lock.json LICENSE ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY --from=build /build/dist dist
# What prunes is a dependency of development: it runs from the other stage's modules.
RUN --mount=type=bind,from=build,source=/build,target=/build \
    node /build/dist/image/prune.js /production /app && \
    /build/image/root-files.sh /root-files

FROM scratch
COPY --from=production /root-files/ /
COPY --from=production /app/node_modules /app/node_modules
COPY --from=production /app/package.json /app/LICENSE /app/
COPY --from=production /app/dist /app/dist
ENV NODE_ENV=production \
    PATH=/usr/local/bin
LABEL org.opencontainers.image.title=flowsieve \
      org.opencontainers.image.description="Turns netflow into security findings: launcher and Apache Beam worker" \
      org.opencontainers.image.licenses=Apache-2.0
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /data
STOPSIGNAL SIGTERM
# No HEALTHCHECK: engines watch their workers by the control stream, and Kubernetes and Cloud Run
# have probes of their own; the job without an end serves /healthz and /readyz for them (--metrics).
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/launch/container.js"]
CMD ["--help"]
