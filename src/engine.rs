//! What every module that meets the query engine shares: async methods of its traits, plans that other processes compute, the names of types
//! in SQL, and how Parquet files and maps for JSON are written.
//!
//! For each async method the compiler proves that its future can be sent between threads. With the bounds that `async_trait` writes it does
//! so anew for every method that holds a plan or a session, which takes seconds each; in a function with plain lifetimes it remembers.

pub mod elsewhere;
mod map_keys;
mod parquet;
mod types;

pub use map_keys::with_text_keys;
pub use parquet::{parquet_properties, write_parquet_so};
pub use types::sql_type;

/// Implements `TableProvider::scan` by the type's own `boxed_scan`.
macro_rules! scan {
    () => {
        fn scan<'life0, 'life1, 'life2, 'life3, 'async_trait>(
            &'life0 self,
            state: &'life1 dyn datafusion::catalog::Session,
            projection: Option<&'life2 Vec<usize>>,
            filters: &'life3 [datafusion::logical_expr::Expr],
            limit: Option<usize>,
        ) -> futures::future::BoxFuture<
            'async_trait,
            datafusion::common::Result<std::sync::Arc<dyn datafusion::physical_plan::ExecutionPlan>>,
        >
        where
            'life0: 'async_trait,
            'life1: 'async_trait,
            'life2: 'async_trait,
            'life3: 'async_trait,
            Self: 'async_trait,
        {
            self.boxed_scan(state, projection, filters, limit)
        }
    };
}

/// Implements `SchemaProvider::table` by the type's own `boxed_table`.
macro_rules! table {
    () => {
        fn table<'life0, 'life1, 'async_trait>(
            &'life0 self,
            name: &'life1 str,
        ) -> futures::future::BoxFuture<
            'async_trait,
            datafusion::common::Result<Option<std::sync::Arc<dyn datafusion::catalog::TableProvider>>>,
        >
        where
            'life0: 'async_trait,
            'life1: 'async_trait,
            Self: 'async_trait,
        {
            self.boxed_table(name)
        }
    };
}

/// Implements `QueryPlanner::create_physical_plan` by the type's own `boxed_plan`.
macro_rules! plan_query {
    () => {
        fn create_physical_plan<'life0, 'life1, 'life2, 'async_trait>(
            &'life0 self,
            plan: &'life1 datafusion::logical_expr::LogicalPlan,
            session: &'life2 dyn datafusion::catalog::Session,
        ) -> futures::future::BoxFuture<
            'async_trait,
            datafusion::common::Result<std::sync::Arc<dyn datafusion::physical_plan::ExecutionPlan>>,
        >
        where
            'life0: 'async_trait,
            'life1: 'async_trait,
            'life2: 'async_trait,
            Self: 'async_trait,
        {
            self.boxed_plan(plan, session)
        }
    };
}

pub(crate) use {plan_query, scan, table};
