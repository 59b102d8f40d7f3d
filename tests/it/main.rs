//! Integration tests, one module per stage, in one binary, because each further binary would link all of DataFusion again.

mod answers;
mod catalog;
mod cli;
mod dead;
mod docs;
mod doctor;
mod feed;
mod functions;
mod hostile;
mod imports;
mod kafka;
mod land;
mod live;
mod log;
mod metrics;
mod model;
mod pipeline;
mod prune;
mod readme;
mod report;
mod rolling;
mod shapes;
mod shell;
mod slt;
