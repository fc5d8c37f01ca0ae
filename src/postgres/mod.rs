//! Talks to Postgres. Nobody else does.
