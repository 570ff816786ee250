//! Every kind of server starts, is killed, comes back with its data, and goes with its owner.
//!
//! Run with `cargo test -p wellspring-testkit --test servers`, after `cargo xtask servers
//! up` has installed what is needed.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;

use wellspring_testkit::servers::{
    APP_PASSWORD, MariaDb, MySql, PgBouncer, Postgres, PostgresPair,
};

fn run(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().unwrap();
    match status.success() {
        true => Ok(String::from_utf8(stdout).unwrap().trim_end().to_owned()),
        false => Err(String::from_utf8_lossy(&stderr).into_owned()),
    }
}

/// What `psql` answers to a query.
fn psql(url: &str, sql: &str) -> Result<String, String> {
    run(Command::new("psql").args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql, url]))
}

/// What `mariadb` answers to a query of MySQL or MariaDB, given how to connect.
fn mysql(args: &[String], sql: &str) -> Result<String, String> {
    run(Command::new("mariadb").arg("--no-defaults").args(args).args(["-N", "-B", "-e", sql]))
}

fn root(port: u16) -> Vec<String> {
    ["--host=127.0.0.1", &format!("--port={port}"), "--user=root", "test"].map(str::to_owned).into()
}

fn app(port: u16) -> Vec<String> {
    let mut args = root(port);
    args.extend(["--user=app".to_owned(), format!("--password={APP_PASSWORD}")]);
    args
}

/// True when nobody listens on the port.
fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Runs a step and says how long it took.
fn timed<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = step();
    println!("{what}: {:.2} s", start.elapsed().as_secs_f64());
    result
}

#[test]
fn postgres_survives_a_kill_with_its_data_and_port() {
    let server = timed("postgres start", || Postgres::start().unwrap());
    let (url, port, pid) = (server.url(), server.port(), server.pid());
    psql(&url, "create table t (a int); insert into t select generate_series(1, 1000)").unwrap();
    // A session that is open when the server is killed must not hold up what follows.
    let mut session =
        Command::new("psql").args(["-X", "-c", "select pg_sleep(1000)", &url]).spawn().unwrap();
    let count = "select count(*) from pg_stat_activity where query like '%pg_sleep(1000)'";
    while psql(&url, count).unwrap() != "1" {
        thread::yield_now();
    }

    timed("postgres kill", || server.kill().unwrap());
    assert!(is_free(port) && server.pid().is_none());
    assert!(!session.wait().unwrap().success());
    psql(&url, "select 1").unwrap_err();
    timed("postgres restart", || server.restart().unwrap());
    assert_eq!((server.url(), server.port()), (url.clone(), port));
    assert_ne!(server.pid(), pid);
    assert_eq!(psql(&url, "select count(*) from t").unwrap(), "1000");
    timed("postgres stop", || server.stop().unwrap());
    assert!(is_free(port));
    server.restart().unwrap();
    timed("postgres restart of a running one", || server.restart().unwrap());
    assert_eq!(psql(&url, "select count(*) from t").unwrap(), "1000");

    let dir = server.unix_socket_dir().to_owned();
    timed("postgres drop", || drop(server));
    assert!(is_free(port) && !dir.exists());
}

#[test]
fn postgres_takes_settings_sockets_passwords_and_tls() {
    let server = Postgres::options()
        .set("max_connections", "17")
        .access("hostnossl all app 127.0.0.1/32 reject")
        .tls(true)
        .start()
        .unwrap();
    assert_eq!(psql(&server.url(), "show max_connections").unwrap(), "17");

    let socket = server.unix_socket_dir().display();
    let by_socket = format!("host={socket} port={} user=postgres dbname=postgres", server.port());
    assert_eq!(psql(&by_socket, "select inet_client_addr() is null").unwrap(), "t");

    let tls = server.tls().unwrap();
    let with = |mode: &str, ca: &Path| {
        format!("{}?sslmode={mode}&sslrootcert={}", server.app_url(), ca.display())
    };
    let who = "select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()";
    assert_eq!(psql(&with("verify-full", &tls.ca_file()), who).unwrap(), "app|t");
    let error = psql(&with("verify-full", &tls.wrong_ca_file()), who).unwrap_err();
    assert!(error.contains("certificate verify failed"), "{error}");
    let error = psql(&with("disable", &tls.ca_file()), who).unwrap_err();
    assert!(error.contains("rejects connection"), "{error}");
    let wrong = with("require", Path::new("none")).replace(APP_PASSWORD, "guess");
    let error = psql(&wrong, who).unwrap_err();
    assert!(error.contains("password authentication failed"), "{error}");
}

#[test]
fn postgres_that_refuses_its_settings_says_so() {
    let error = Postgres::options().set("no_such_setting", "1").start().unwrap_err();
    assert!(!error.is_missing() && error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn a_pair_streams_and_the_replica_is_promoted() {
    let pair = timed("pair start", || PostgresPair::start().unwrap());
    let (primary, replica) = (pair.primary().url(), pair.replica().url());
    psql(&primary, "create table t (a int); insert into t values (42)").unwrap();
    let position = psql(&primary, "select pg_current_wal_lsn()").unwrap();
    let has = format!("select pg_last_wal_replay_lsn() >= '{position}'");
    while psql(&replica, &has).unwrap() != "t" {
        thread::yield_now();
    }
    assert_eq!(psql(&replica, "select a from t").unwrap(), "42");
    let error = psql(&replica, "insert into t values (43)").unwrap_err();
    assert!(error.contains("read-only transaction"), "{error}");

    pair.replica().kill().unwrap();
    timed("replica restart", || pair.replica().restart().unwrap());
    pair.primary().kill().unwrap();
    timed("promote", || pair.promote().unwrap());
    psql(&replica, "insert into t values (43)").unwrap();
    assert_eq!(psql(&replica, "select sum(a) from t").unwrap(), "85");
    pair.promote().unwrap_err();
}

#[test]
fn mariadb_survives_a_kill_with_its_data_and_port() {
    let server = timed("mariadb start", || MariaDb::options().tls(true).start().unwrap());
    let (root, app) = (root(server.port()), app(server.port()));
    assert!(server.url().ends_with(&format!(":{}/test", server.port())));
    assert!(mysql(&root, "select version()").unwrap().contains("MariaDB"));
    assert_eq!(mysql(&root, "select @@local_infile").unwrap(), "1");
    mysql(&app, "create table t (a int); insert into t values (42)").unwrap();
    timed("mariadb kill", || server.kill().unwrap());
    assert!(is_free(server.port()));
    timed("mariadb restart", || server.restart().unwrap());
    assert_eq!(mysql(&app, "select a from t").unwrap(), "42");

    check_tls(&app, &server.tls().unwrap().ca_file(), &server.tls().unwrap().wrong_ca_file());
    check_socket(&server.unix_socket());
    let mut wrong = app.clone();
    wrong.push("--password=guess".to_owned());
    assert!(mysql(&wrong, "select 1").unwrap_err().contains("1045"));
    timed("mariadb stop", || server.stop().unwrap());
    let dir = server.unix_socket().parent().unwrap().to_owned();
    drop(server);
    assert!(!dir.exists());
}

#[test]
fn mysql_survives_a_kill_with_its_data_and_port() {
    let server = timed("mysql start", MySql::start).unwrap();
    let (root, app) = (root(server.port()), app(server.port()));
    assert!(!mysql(&root, "select version()").unwrap().contains("MariaDB"));
    assert_eq!(mysql(&root, "select @@local_infile").unwrap(), "1");
    let plugin = "select plugin from mysql.user where user = 'app'";
    assert_eq!(mysql(&root, plugin).unwrap(), "caching_sha2_password");
    mysql(&app, "create table t (a int); insert into t values (42)").unwrap();
    timed("mysql kill", || server.kill().unwrap());
    assert!(is_free(server.port()));
    timed("mysql restart", || server.restart().unwrap());
    assert_eq!(mysql(&app, "select a from t").unwrap(), "42");

    check_tls(&app, &server.tls().unwrap().ca_file(), &server.tls().unwrap().wrong_ca_file());
    check_socket(&server.unix_socket());
    timed("mysql stop", || server.stop().unwrap());
    let dir = server.unix_socket().parent().unwrap().to_owned();
    drop(server);
    assert!(!dir.exists());
}

#[test]
fn mysql_takes_arguments_and_does_without_tls() {
    let server = MySql::options().arg("--max-connections=17").tls(false).start().unwrap();
    let root = root(server.port());
    assert_eq!(mysql(&root, "select @@max_connections").unwrap(), "17");
    let mut tls = root.clone();
    tls.push("--ssl-verify-server-cert".to_owned());
    mysql(&tls, "select 1").unwrap_err();
    assert!(server.tls().is_none());
}

fn check_tls(app: &[String], ca: &Path, wrong_ca: &Path) {
    let with = |ca: &Path| {
        let mut args = app.to_vec();
        args.extend([format!("--ssl-ca={}", ca.display()), "--ssl-verify-server-cert".to_owned()]);
        mysql(&args, "show status like 'Ssl_cipher'")
    };
    let cipher = with(ca).unwrap();
    assert!(cipher.split_whitespace().count() == 2, "{cipher}");
    let error = with(wrong_ca).unwrap_err();
    assert!(error.contains("2026"), "{error}");
}

fn check_socket(socket: &Path) {
    // As root of the database: MySQL lets only the one of the host itself in this way.
    let args = [format!("--socket={}", socket.display()), "--user=root".to_owned()];
    assert!(mysql(&args, "select current_user()").unwrap().starts_with("root@"));
}

#[test]
fn pgbouncer_shares_few_connections_among_many() {
    let server = Postgres::start().unwrap();
    let bouncer =
        timed("pgbouncer start", || PgBouncer::options().pool_size(2).start(&server).unwrap());
    psql(&server.url(), "create database shop").unwrap();
    let shop = bouncer.url().replace("/postgres", "/shop").replace("postgres@", "anybody@");
    assert_eq!(psql(&shop, "select current_database(), current_user").unwrap(), "shop|postgres");

    let pids: Vec<String> = thread::scope(|scope| {
        let pid = || psql(&bouncer.url(), "select pg_backend_pid() from pg_sleep(0.05)").unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(pid)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut different = pids.clone();
    different.sort();
    different.dedup();
    assert!(different.len() <= 2, "{pids:?}");

    let mut parameters = Command::new("psql");
    parameters.env("PGOPTIONS", "-c search_path=x").args(["-XqAt", "-c", "select 1"]);
    assert_eq!(run(parameters.arg(bouncer.url())).unwrap(), "1");

    bouncer.kill().unwrap();
    assert!(is_free(bouncer.port()));
    psql(&bouncer.url(), "select 1").unwrap_err();
    timed("pgbouncer restart", || bouncer.restart().unwrap());
    server.kill().unwrap();
    server.restart().unwrap();
    // The first use of a pooled connection that died with the server may fail.
    while psql(&bouncer.url(), "select 1").is_err() {}
}

#[test]
fn servers_outlive_the_thread_that_started_them() {
    let server = thread::spawn(|| Postgres::start().unwrap()).join().unwrap();
    assert_eq!(psql(&server.url(), "select 1").unwrap(), "1");
}

/// Only started by the next test, in a process of its own.
#[test]
fn starts_one_and_waits_to_be_killed() {
    if let Ok(file) = std::env::var("WELLSPRING_TESTKIT_PORT_FILE") {
        let server = Postgres::start().unwrap();
        let unfinished = format!("{file}.unfinished");
        fs::write(&unfinished, server.port().to_string()).unwrap();
        fs::rename(unfinished, file).unwrap();
        loop {
            thread::park();
        }
    }
}

#[test]
fn servers_die_with_the_process_that_started_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("port");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "starts_one_and_waits_to_be_killed", "--nocapture"])
        .env("WELLSPRING_TESTKIT_PORT_FILE", &file)
        .spawn()
        .unwrap();
    while !file.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        thread::yield_now();
    }
    let port: u16 = fs::read_to_string(&file).unwrap().parse().unwrap();
    assert!(!is_free(port));
    child.kill().unwrap();
    child.wait().unwrap();
    while !is_free(port) {
        thread::yield_now();
    }
}
