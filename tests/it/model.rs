//! Models: training, artifacts, the CREATE MODEL statement, functions on models, commands.

mod training;
