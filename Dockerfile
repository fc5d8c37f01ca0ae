# The operator as one static program on a base without a shell.
#
#   podman build --build-arg REVISION="$(git rev-parse HEAD)" -t pg-partition-operator .
#
# BUILDER needs Rust, a C compiler, and a libc that links statically. RUNTIME contains the certificate authorities that sslMode
# VerifyFull uses without caRef; with RUNTIME=scratch, each PartitionedTable needs a caRef for VerifyFull. A release pins both by digest.
ARG BUILDER=docker.io/library/rust:1.95-alpine
ARG RUNTIME=gcr.io/distroless/static-debian13:nonroot

FROM ${BUILDER} AS builder
WORKDIR /build
# With a target, the flags apply only to the program, and not to build scripts and procedural macros.
ENV RUSTFLAGS="-C target-feature=+crt-static" CARGO_BUILD_TARGET=host-tuple
# A separate layer for the dependencies is built again only when they change.
COPY Cargo.toml Cargo.lock ./
ARG PROFILE=""
# If sed fails, cargo fails too, because a benchmark that the manifest names is missing.
# hadolint ignore=DL4006
RUN mkdir src benches \
 && echo 'fn main() {}' > src/main.rs \
 && sed -n '/^\[\[bench/{n;s/name = "\(.*\)"/benches\/\1.rs/p}' Cargo.toml | xargs touch src/lib.rs \
 && cargo build --profile "${PROFILE:-release}" --locked \
 && rm -r src
COPY src src
ARG REVISION=""
RUN touch src/lib.rs src/main.rs \
 && PGPARTITION_REVISION="$REVISION" cargo build --profile "${PROFILE:-release}" --locked \
 && cp target/*/release/pg-partition-operator /pg-partition-operator

FROM ${RUNTIME}
ARG REVISION=""
ARG VERSION=""
LABEL org.opencontainers.image.title="pg-partition-operator" \
      org.opencontainers.image.description="Keeps partitioned Postgres tables as PartitionedTable resources declare them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=builder /pg-partition-operator /pg-partition-operator
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/pg-partition-operator"]
CMD ["run"]
