//! squall predicts short-horizon volatility spikes from live market data, in SQL.
//!
//! The modules are listed in the order in which data passes through them. Stages meet only at a log, a Parquet table, a
//! named query or a model artifact; `tests/it/imports.rs` checks this.

/// What every layer's error offers besides its message: a hint that names the next command to type.
pub mod error;

/// Small functions that all modules use: SQL quoting, excerpts with a caret, nearest names, numbers for people.
pub mod text;

/// The one way to replace a file: write it aside, sync it, rename it, and sync the folder.
pub mod durable;

/// Proofs that whoever sends a message knows a secret.
pub mod hmac;

/// Certificates of servers, and those that clients trust.
pub mod tls;

/// Connections of gRPC servers: clients that are accepted, with or without TLS.
pub mod grpc;

/// What every module that meets the query engine shares: async methods of its traits, and plans that other processes compute.
pub mod engine;

/// Settings: `squall.toml`, the environment, and where each value came from.
pub mod config;

/// Object stores by their addresses: S3, Google's, Azure's, web servers.
pub mod store;

/// The contract of a market-data message: every recorded shape goes in, one [`tick::Tick`] comes out. Also the Parquet
/// schema of ticks, and how `ts` and status are assigned.
pub mod tick;

/// What the long-running commands say about themselves: metrics for Prometheus, and whether work goes on.
pub mod metrics;

/// Exchanges, each in one file and all behind one trait; the client: reconnection, gaps, silences; the market simulator.
pub mod feed;

/// Recorded files: compression, shape, order, identity; merging.
pub mod recording;

/// The message log: Kafka, and NDJSON files. Both have one trait, with offsets and a log id.
pub mod log;

/// Moves messages from the log to Parquet, exactly once; compaction.
pub mod land;

/// The SQL that people type: text in, a plan of the engine out.
pub mod dialect;

/// The one place that makes a `SessionContext`: tables, functions, optimizer rules, squall's own statements.
pub mod catalog;

/// The `sql/` project: files → graph → run, audits, lint, lineage.
pub mod pipeline;

/// Exact rolling-window execution.
pub mod rolling;

/// ASOF JOIN: joins each row with the newest earlier row of another table.
pub mod asof;

/// The SQL function registry; one file per function or family.
pub mod functions;

/// Model artifacts, training and scoring as pure numerics on slices; the model registry on disk.
pub mod model;

/// CREATE MODEL and the `ml_*` functions: the model numerics as SQL.
pub mod ml;

/// The same SQL while the market moves: a row for each tick as it comes, with the bits that batch gives.
pub mod live;

/// Makes reports: queries → context → minijinja → HTML.
pub mod report;

/// Experiment tracking: the local runs table, MLflow over REST.
pub mod track;

/// The SQL shell.
pub mod repl;

/// PostgreSQL's wire protocol: the project for psql, Grafana, SQLAlchemy, JDBC and their like.
pub mod serve;

/// Queries of the project on several machines.
pub mod cluster;

/// The command line: clap arguments and dispatch; one file per command.
pub mod cli;
