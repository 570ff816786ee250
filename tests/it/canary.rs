//! A password that was configured is shown nowhere: not by handles, statistics, exporters, errors or the log.

use wellspring::config::Loader;
use wellspring::{Databases, Result};
use wellspring_testkit::logs;

const CANARY: &str = "c4naryS3cret";

fn no_canary(what: &str, text: &str) {
    assert!(!text.contains(CANARY), "{what}: {text}");
}

/// Databases at which nobody answers, with the canary as password, in every way there is for the drivers that
/// are compiled in.
fn databases() -> (tempfile::TempDir, Vec<(&'static str, Result<Databases>)>) {
    let dir = tempfile::tempdir().unwrap();
    let password = dir.path().join("password");
    std::fs::write(&password, CANARY).unwrap();
    let base = || Loader::new().variable("NOT_OURS", "x");
    let settings = "pool = { connect_timeout = '200ms', acquire_timeout = '300ms' }\necho = 'trace'\necho_pool = 'trace'";
    let file = |location: String| {
        base().text("wellspring.toml", format!("[databases.default]\n{location}\n{settings}"))
    };
    let mut ways = Vec::new();
    for scheme in ["postgres", "mysql", "mariadb"] {
        ways.push((
            "url",
            file(format!("url = '{scheme}://app:{CANARY}@127.0.0.1:1/d?sslmode=disable'")),
        ));
        ways.push(("parts", file(format!("type = '{scheme}'\nhost = '127.0.0.1'\nport = 1\nuser = 'app'\npassword = '{CANARY}'"))));
        ways.push((
            "password_file",
            file(format!(
                "url = '{scheme}://app@127.0.0.1:1/d'\npassword_file = '{}'",
                password.display()
            )),
        ));
        ways.push((
            "wrong option",
            file(format!("url = '{scheme}://app:{CANARY}@127.0.0.1:1/d?nonsense=1'")),
        ));
        ways.push(("wrong port", file(format!("url = '{scheme}://app:{CANARY}@127.0.0.1:x/d'"))));
        ways.push((
            "misplaced",
            file(format!("url = '{scheme}://app@127.0.0.1:1/d?passwrd={CANARY}'")),
        ));
        ways.push((
            "misplaced in options",
            file(format!("url = '{scheme}://app@127.0.0.1:1/d'\noptions.passwrd = '{CANARY}'")),
        ));
    }
    let load = |loader| Databases::builder().loader(loader).load();
    // The file is read when the database connects: it outlives this.
    (dir, ways.into_iter().map(|(way, loader)| (way, load(loader))).collect())
}

#[tokio::test]
async fn a_configured_password_is_shown_nowhere() {
    logs::keep("wellspring");
    let (_dir, databases) = databases();
    for (way, databases) in databases {
        let databases = match databases {
            Ok(databases) => databases,
            Err(error) => {
                no_canary(way, &format!("{error} {error:?} {error:#?}"));
                continue;
            }
        };
        let config = databases.config().unwrap();
        no_canary(way, &format!("{databases:?} {config:?} {config:#?}"));
        let default = databases.default_database().unwrap();
        for error in [
            default.ping().await.unwrap_err(),
            databases.connect("default").await.unwrap_err(),
            default.execute("select 1", ()).await.unwrap_err(),
        ] {
            no_canary(way, &format!("{error} {error:?} {error:#?}"));
            let mut source = std::error::Error::source(&error);
            while let Some(inner) = source {
                no_canary(way, &format!("{inner} {inner:?}"));
                source = inner.source();
            }
        }
        let stats = default.stats();
        no_canary(
            way,
            &format!("{default:?} {stats} {stats:?} {:?} {:?}", default.status(), default.pool()),
        );
        no_canary(way, &serde_json::to_string(&stats).unwrap());
        no_canary(way, &wellspring::metrics::prometheus::render(std::slice::from_ref(&stats.pool)));
        no_canary(way, &format!("{:?}", default.pool().manager()));
        let reloaded = databases.reload().unwrap();
        no_canary(way, &format!("{reloaded} {reloaded:?}"));
        no_canary(way, &format!("{:?}", databases.close_all().await));
    }
    let lines = logs::all();
    for line in &lines {
        no_canary("the log", &line.to_string());
    }
    #[cfg(feature = "postgres")]
    assert!(!lines.is_empty(), "nothing was logged");
}
