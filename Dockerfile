# The operator as one static program on a base without a shell.
#
#   podman build --build-arg REVISION="$(git rev-parse HEAD)" -t pg-partition-operator .
#
# BUILDER needs Rust, a C compiler and a libc that links statically. RUNTIME brings the certificate authorities that sslMode
# VerifyFull falls back on; with RUNTIME=scratch each PartitionedTable needs a caRef for it. A release pins both by digest.
ARG BUILDER=docker.io/library/rust:1.95-alpine
ARG RUNTIME=gcr.io/distroless/static-debian13:nonroot

FROM ${BUILDER} AS builder
WORKDIR /build
# With a target, the flags are for the program alone, and not for what runs while it is built.
ENV RUSTFLAGS="-C target-feature=+crt-static" CARGO_BUILD_TARGET=host-tuple
# A layer for the dependencies: it is built anew when they change, and not with every line of ours.
COPY Cargo.toml Cargo.lock ./
ARG PROFILE=""
# Where sed fails cargo does, for want of a benchmark that the manifest names.
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
