//! No test of the suite is forgotten in the list that expands it.

use std::collections::BTreeSet;

#[test]
fn every_test_is_in_the_list() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let list = std::fs::read_to_string(format!("{dir}/lib.rs")).unwrap();
    let start = list.find("macro_rules! __all").unwrap();
    let listed: BTreeSet<String> = list[start..]
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_suffix(','))
        .filter(|line| line.split("::").count() == 2 && !line.contains('$'))
        .map(str::to_owned)
        .collect();
    let mut written = BTreeSet::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            if let Some(rest) = line.strip_prefix("pub async fn ") {
                written.insert(format!("{module}::{}", rest.split('(').next().unwrap()));
            }
        }
    }
    assert!(written.len() > 40, "{} tests found", written.len());
    assert_eq!(listed, written);
}
