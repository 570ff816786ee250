//! The reference names every key there is.

use serde_json::Value;
use wellspring_config::{json_schema, reference};
use wellspring_connector::{DriverOption, OptionKind};

#[test]
fn every_key_stands_in_the_reference_with_its_meaning() {
    let page = reference(&[]);
    let schema = json_schema();
    let mut keys: Vec<&String> = Vec::new();
    for table in ["Database", "Settings", "PoolOptions", "RetryPolicy", "BreakerOptions"] {
        keys.extend(
            schema["$defs"][table]["properties"].as_object().into_iter().flat_map(|all| all.keys()),
        );
    }
    keys.extend(schema["properties"].as_object().unwrap().keys());
    assert!(keys.len() > 60, "{}", keys.len());
    for key in keys {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
        let row = row.unwrap_or_else(|| panic!("{key} is not there"));
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.iter().all(|cell| !cell.is_empty() && *cell != "value"), "{row}");
    }
    assert!(!page.contains("crate::") && !page.contains("something of its own"), "{page}");
}

#[test]
fn options_of_drivers_stand_in_it_too() {
    const OPTIONS: &[DriverOption] =
        &[DriverOption::new("jit", OptionKind::Switch, "the server's", "Compiles queries.")];
    let page = reference(&[("somebase", OPTIONS)]);
    assert!(
        page.contains("### somebase")
            && page.contains("`jit`")
            && page.contains("Compiles queries.")
    );
}

#[test]
fn tables_of_markdown_have_as_many_cells_in_each_row() {
    let page = reference(&[]);
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut expected = None;
    for line in page.lines() {
        match (line.starts_with('|'), expected) {
            (false, _) => expected = None,
            (true, None) => expected = Some(cells(line)),
            (true, Some(expected)) => assert_eq!(cells(line), expected, "{line}"),
        }
    }
    let _: Value = json_schema();
}
