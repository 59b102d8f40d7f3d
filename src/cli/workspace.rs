//! What commands that run SQL share: a session with the project's queries registered.

use super::{Context, Failure};
use crate::catalog::{Options, Session};
use crate::pipeline::{Parameters, Project};

/// A session over the data folder, and the SQL project registered with it.
pub struct Workspace {
    pub session: Session,
    pub project: Project,
}

/// Opens the session, with the SQL project when its folder is there.
pub async fn open(context: &Context) -> Result<Workspace, Failure> {
    let settings = context.settings();
    let session = Session::open(Options {
        ticks_dir: settings.ticks_dir(),
        tables_dir: settings.tables_dir(),
        models_dir: settings.models_dir(),
        threads: settings.engine.threads,
        batch_size: settings.engine.batch_size,
        memory_limit_mb: settings.engine.memory_limit_mb,
        rolling: settings.engine.rolling,
    })
    .await?;
    let project = Project::load(&settings.paths.sql, &parameters(context)?)?.with_models(&settings.models_dir());
    project.register(session.context(), &settings.tables_dir()).await?;
    Ok(Workspace { session, project })
}

fn parameters(context: &Context) -> Result<Parameters, Failure> {
    let values = context.settings().parameters.iter();
    values
        .map(|(name, value)| match serde_json::to_value(value) {
            Ok(value) => Ok((name.clone(), value)),
            Err(error) => Err(Failure::new(format!("parameter `{name}` cannot be used in SQL: {error}"))),
        })
        .collect()
}
