//! Credentials that are asked for at each connect: passwords that change under a running pool, and
//! whoever gives them on a bad day.

use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wellspring::{
    CredentialProvider, Credentials, Database, DatabaseBuilder, Error, ErrorKind, PasswordFile,
    Result, SharedPassword,
};
use wellspring_testkit::servers::{APP_USER, Kind, Postgres, url};

use crate::support::endless;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// A server with a user of one's own, whose password is `one` at first.
struct Place {
    kind: Kind,
    admin: String,
    user: String,
    /// Without user and password.
    server: String,
    /// PostgreSQL's servers want a password of one user only, who is everybody's there.
    _own: Option<Postgres>,
}

impl Place {
    async fn on(kind: Kind) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let own = (kind == Kind::Postgres).then(|| Postgres::start().expect("a server of our own"));
        let admin = own.as_ref().map_or_else(|| url(kind), Postgres::url);
        let (_, rest) = admin.split_once('@').expect("a URL with a user");
        let server = rest.split_once('/').map_or(rest, |(server, _)| server).to_owned();
        let user = match kind {
            Kind::Postgres => APP_USER.to_owned(),
            _ => format!("wellspring_{}_{number}", std::process::id()),
        };
        let place = Self { kind, admin, user, server, _own: own };
        if kind != Kind::Postgres {
            place.make_user(&place.user).await;
        }
        place.set_password("one").await;
        place
    }

    async fn run(&self, text: &str) {
        let db = Database::builder(&self.admin).unpooled().build().unwrap();
        db.execute(text, ()).await.expect(text);
    }

    async fn make_user(&self, name: &str) {
        self.run(&format!("create user '{name}'@'%' identified by 'one'")).await;
    }

    async fn set_password(&self, password: &str) {
        let user = &self.user;
        self.run(&match self.kind {
            Kind::Postgres => format!("alter role {user} password '{password}'"),
            _ => format!("alter user '{user}'@'%' identified by '{password}'"),
        })
        .await;
    }

    fn url(&self, user: &str, password: &str) -> String {
        let (scheme, database) = match self.kind {
            Kind::Postgres => ("postgres", "postgres"),
            _ => ("mysql", ""),
        };
        format!("{scheme}://{user}:{password}@{}/{database}", self.server)
    }

    /// A database of the user, with a password in the URL.
    fn builder_with(&self, password: &str) -> DatabaseBuilder {
        Database::builder(self.url(&self.user, password)).max_size(2)
    }

    /// A database of the user, whose password is asked for.
    fn builder(&self, provider: impl CredentialProvider) -> DatabaseBuilder {
        self.builder_with("canary-of-the-url").credentials(provider)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.kind == Kind::Postgres {
            return;
        }
        let (admin, user) = (self.admin.clone(), self.user.clone());
        // The test's runtime is this thread's, or gone.
        let clean = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let db = Database::builder(admin).unpooled().build().unwrap();
                for user in [user.clone(), format!("{user}_b")] {
                    db.execute(format!("drop user if exists '{user}'@'%'"), ()).await.unwrap();
                }
            });
        });
        if clean.join().is_err() && !std::thread::panicking() {
            panic!("the user of a test could not be removed");
        }
    }
}

/// What a provider does when it is asked.
#[derive(Clone)]
enum Answer {
    Password(&'static str),
    User(String, &'static str),
    Fail(ErrorKind),
    Panic,
    Hang,
}

/// A provider that does what it is told to, and counts.
#[derive(Clone)]
struct Scripted(Arc<Script>);

struct Script {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    /// How often it was given up.
    dropped: AtomicUsize,
}

impl Scripted {
    fn new(answer: Answer) -> Self {
        let (asked, dropped) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self(Arc::new(Script { answer: Mutex::new(answer), asked, dropped }))
    }

    fn now(&self, answer: Answer) {
        *self.0.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }
}

/// Counts when it is dropped before it was disarmed.
struct Waiting<'s>(Option<&'s AtomicUsize>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[async_trait::async_trait]
impl CredentialProvider for Scripted {
    async fn credentials(&self) -> Result<Credentials> {
        let answer = self.0.answer.lock().unwrap().clone();
        let mut waiting = Waiting(Some(&self.0.dropped));
        // Who sees it knows that the answer is settled.
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let given = match answer {
            Answer::Password(password) => Ok(Credentials::password(password)),
            Answer::User(user, password) => Ok(Credentials::password(password).user(user)),
            Answer::Fail(kind) => Err(Error::new(kind, "the vault is sealed")),
            Answer::Panic => panic!("a provider that was told to"),
            Answer::Hang => pending().await,
        };
        waiting.0 = None;
        given
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("canary-of-the-provider")
    }
}

/// The number the server gave the connection that is lent next.
async fn number(db: &Database) -> i64 {
    match db.dialect().name {
        "postgres" => db.query("select pg_backend_pid()::int8", ()).one().await.unwrap(),
        _ => db.query("select connection_id()", ()).one().await.unwrap(),
    }
}

/// Gives a statement up while it runs, and sees that the same connection serves on.
async fn stops_and_serves_on(db: &Database, number_before: i64) {
    let text = endless(db);
    let given_up = db.query(&text, ()).one::<i64>();
    assert!(tokio::time::timeout(Duration::from_millis(50), given_up).await.is_err());
    let after = tokio::time::timeout(LONG, number(db)).await.expect("it is stopped");
    assert_eq!(after, number_before, "the connection was given up");
}

/// Defines a test that runs on every server with users.
macro_rules! on_each {
    ($($(#[$meta:meta])* async fn $name:ident($place:ident: Place) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn body($place: Place) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                body(Place::on(Kind::Postgres).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mysql() {
                body(Place::on(Kind::MySql).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                body(Place::on(Kind::MariaDb).await).await;
            }
        }
    )*};
}

on_each! {
    async fn a_new_password_is_for_new_connections_and_those_there_live_on(place: Place) {
        let password = SharedPassword::new("one");
        let db = place.builder(password.clone()).connect().await.unwrap();
        let mut old = db.connection().await.unwrap();
        place.set_password("two").await;
        password.set("two");
        let mut new = db.connection().await.unwrap();
        for connection in [&mut old, &mut new] {
            assert_eq!(connection.query("select 42", ()).one::<i64>().await.unwrap(), 42);
        }
        drop((old, new));
        assert_eq!(db.status().size, 2);
        // Neither does without the right one.
        for password in ["one", "canary-of-the-url"] {
            let error = place.builder_with(password).connect().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectAuth, "{error:?}");
        }
        // All of them anew.
        db.pool().invalidate_all();
        let _held = [db.connection().await.unwrap(), db.connection().await.unwrap()];
        assert_eq!(db.stats().pool.counters.connected, 4);
    }

    async fn a_password_file_that_is_changed_is_read_again(place: Place) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let file = PasswordFile::new(&path);
        let error = place.builder(file.clone()).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        assert!(error.to_string().contains("credentials: the password file"), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        std::fs::write(&path, "one\n").unwrap();
        let db = place.builder(file).connect().await.unwrap();
        let _old = db.connection().await.unwrap();
        place.set_password(" two ").await;
        // As a mounted secret is: in one step.
        std::fs::write(dir.path().join("next"), " two \r\n").unwrap();
        std::fs::rename(dir.path().join("next"), &path).unwrap();
        db.connection().await.unwrap().query("select 42", ()).one::<i64>().await.unwrap();
        assert_eq!(db.status().size, 2);
    }

    async fn a_wrong_password_is_told_at_once_and_a_right_one_is_taken_up(place: Place) {
        let password = SharedPassword::new("canary");
        let error = place.builder(password.clone()).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectAuth, "{error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        let db = place.builder(password.clone()).build().unwrap();
        for _ in 0..2 {
            let error = db.query("select 42", ()).one::<i64>().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectAuth, "{error:?}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
        password.set("one");
        assert_eq!(db.query("select 42", ()).one::<i64>().await.unwrap(), 42);
    }

    async fn a_user_may_be_named_too(place: Place) {
        let vault = Scripted::new(Answer::User(place.user.clone(), "one"));
        let text = match place.kind {
            Kind::Postgres => "select current_user::text",
            _ => "select substring_index(current_user(), '@', 1)",
        };
        let url = place.url("nobody", "nothing");
        let db = Database::builder(url).credentials(vault).connect().await.unwrap();
        let user: String = db.query(text, ()).one().await.unwrap();
        assert_eq!(user, place.user);
    }

    async fn a_provider_that_hangs_is_cut_off_by_the_connect_timeout(place: Place) {
        let vault = Scripted::new(Answer::Hang);
        let builder = || {
            place
                .builder(vault.clone())
                .pool_with(|pool| pool.connect_timeout = Duration::from_millis(300))
        };
        let error = builder().connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectTimeout, "{error:?}");
        assert_eq!((vault.asked(), vault.0.dropped.load(Ordering::SeqCst)), (1, 1));
        // Who waits for a connection gets it from the attempt after.
        let db = builder().build().unwrap();
        let waiting = tokio::spawn({
            let db = db.clone();
            async move { db.query("select 42", ()).one::<i64>().await }
        });
        while vault.asked() == 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        vault.now(Answer::Password("one"));
        assert_eq!(waiting.await.unwrap().unwrap(), 42);
        assert!(vault.0.dropped.load(Ordering::SeqCst) >= 2, "the attempt before was not given up");
        assert!(!format!("{db:?} {:?}", db.pool()).contains("canary"));
    }

    async fn a_provider_that_panics_or_fails_poisons_nothing(place: Place) {
        let vault = Scripted::new(Answer::Panic);
        let error = place.builder(vault.clone()).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other, "{error:?}");
        assert!(error.to_string().contains("credentials: the provider panicked"), "{error}");
        for kind in [ErrorKind::ConnectAuth, ErrorKind::ConnectRefused] {
            vault.now(Answer::Fail(kind));
            let error = place.builder(vault.clone()).connect().await.unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains("credentials: the vault is sealed"), "{error}");
        }
        // A pool goes on: it asks again for whoever waits, as the kind of the failure says.
        for answer in [Answer::Panic, Answer::Fail(ErrorKind::ConnectRefused)] {
            vault.now(answer);
            let db = place.builder(vault.clone()).build().unwrap();
            let before = vault.asked();
            let waiting = tokio::spawn({
                let db = db.clone();
                async move { db.query("select 42", ()).one::<i64>().await }
            });
            while vault.asked() < before + 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            vault.now(Answer::Password("one"));
            assert_eq!(waiting.await.unwrap().unwrap(), 42);
        }
        vault.now(Answer::Fail(ErrorKind::ConnectAuth));
        let db = place.builder(vault.clone()).build().unwrap();
        let error = db.query("select 42", ()).one::<i64>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectAuth, "{error:?}");
        vault.now(Answer::Password("one"));
        assert_eq!(db.query("select 42", ()).one::<i64>().await.unwrap(), 42);
    }

    async fn a_statement_is_stopped_with_the_credentials_of_now(place: Place) {
        let vault = Scripted::new(Answer::Password("one"));
        let db = place.builder(vault.clone()).max_size(1).connect().await.unwrap();
        let before = number(&db).await;
        let asked = vault.asked();
        place.set_password("two").await;
        vault.now(Answer::Password("two"));
        stops_and_serves_on(&db, before).await;
        // PostgreSQL's requests to cancel need no login.
        assert_eq!(vault.asked() > asked, place.kind != Kind::Postgres);
        // Whoever gives them may be having a bad day.
        place.set_password("one").await;
        for answer in [
            Answer::Panic,
            Answer::Fail(ErrorKind::ConnectAuth),
            Answer::Hang,
            Answer::Password("not yet the right one"),
        ] {
            vault.now(answer);
            stops_and_serves_on(&db, before).await;
        }
        vault.now(Answer::Password("one"));
        assert_eq!(number(&db).await, before);
    }
}

/// PostgreSQL's requests to cancel have no user.
async fn stopped_by_its_own_user(kind: Kind) {
    let place = Place::on(kind).await;
    let other = format!("{}_b", place.user);
    place.make_user(&other).await;
    let vault = Scripted::new(Answer::Password("one"));
    let db = place.builder(vault.clone()).max_size(1).connect().await.unwrap();
    let before = number(&db).await;
    vault.now(Answer::User(other, "one"));
    stops_and_serves_on(&db, before).await;
}

mod a_statement_is_stopped_by_its_own_user {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn mysql() {
        stopped_by_its_own_user(Kind::MySql).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn mariadb() {
        stopped_by_its_own_user(Kind::MariaDb).await;
    }
}
