//! Functions that are called where only functions of another kind can stand.

use datafusion::execution::SessionState;

/// Says what kind of function a name is that the engine does not find among scalar functions and aggregates, and how to call it.
pub fn misplaced_function(state: &SessionState, name: &str) -> Option<(String, String)> {
    if state.table_functions().contains_key(name) {
        return Some((format!("`{name}` is a table function"), format!("call it in FROM: SELECT * FROM {name}(…)")));
    }
    let hint = || format!("write {name}(…) OVER (PARTITION BY … ORDER BY …)");
    state.window_functions().contains_key(name).then(|| (format!("`{name}` is a window function"), hint()))
}
