//! Connection strings of libpq.

use super::Row;

pub(crate) const ROWS: &[Row] = &[
    (
        "host=localhost port=5432 dbname=mydb connect_timeout=10",
        "postgres://localhost:5432/mydb",
        "pool.connect_timeout=10s",
        "",
    ),
    ("dbname=mydb", "postgres:///mydb", "", ""),
    ("user=ada", "postgres://ada@/", "", ""),
    (
        "host=h user=ada password='canary \\'quoted\\' \\\\' dbname=d",
        "postgres://ada:canary%20%27quoted%27%20%5C@h/d",
        "",
        "",
    ),
    ("host=h user=ada password=canary\\ two", "postgres://ada:canary%20two@h/", "", ""),
    ("host=h user=ada password=canary;x dbname=d", "postgres://ada:canary%3Bx@h/d", "", ""),
    ("host=h user=ada password='canary;x=1' dbname=d", "postgres://ada:canary%3Bx%3D1@h/d", "", ""),
    ("user = ada password = canary host = h", "postgres://ada:canary@h/", "", ""),
    ("user=ada\n\tpassword=canary\n\thost=h\n", "postgres://ada:canary@h/", "", ""),
    ("host=h1,h2,h3 port=1,2,3 dbname=d", "postgres://h1:1,h2:2,h3:3/d", "", ""),
    ("host=h1,h2 port=6000 dbname=d", "postgres://h1:6000,h2:6000/d", "", ""),
    ("host=h1,h2 port=,6000", "postgres://h1,h2:6000/", "", ""),
    ("host=/run/postgresql dbname=d", "postgres://%2Frun%2Fpostgresql/d", "", ""),
    ("host=::1 port=5433", "postgres://[::1]:5433/", "", ""),
    ("hostaddr=10.0.0.5 port=5432 dbname=d", "postgres://10.0.0.5:5432/d", "", ""),
    ("hostaddr=10.0.0.5 host=db.example dbname=d", "postgres://db.example/d", "", "hostaddr"),
    ("port=5433", "postgres://localhost:5433/", "", ""),
    (
        "host=h dbname=d sslmode=verify-ca sslrootcert='/etc/my ca.pem'",
        "postgres://h/d?sslmode=verify-ca&sslrootcert=%2Fetc%2Fmy%20ca.pem",
        "",
        "",
    ),
    (
        "host=h dbname=d options='-c geqo=off -c statement_timeout=5min' target_session_attrs=read-write",
        "postgres://h/d?options=-c%20geqo%3Doff%20-c%20statement_timeout%3D5min\
         &target_session_attrs=read-write",
        "",
        "",
    ),
    (
        "host=h keepalives=1 keepalives_idle=30 tcp_user_timeout=5000 gssencmode=prefer",
        "postgres://h/",
        "",
        "keepalives keepalives_idle tcp_user_timeout gssencmode",
    ),
    ("host=h passfile=pgpass service=prod", "postgres://h/?passfile=pgpass&service=prod", "", ""),
    ("host=h bogus=1", "postgres://h/?bogus=1", "", ""),
    ("host=h user=ada password=''", "postgres://ada@h/", "", ""),
];
