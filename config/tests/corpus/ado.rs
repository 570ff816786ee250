//! Connection strings of ADO.NET and ODBC.

use super::Row;

pub(crate) const SERVERS: &[Row] = &[
    // SqlClient.
    (
        "Server=tcp:x.database.windows.net,1433;Initial Catalog=shop;Persist Security Info=False;\
         User ID=ada;Password=canary;MultipleActiveResultSets=False;Encrypt=True;\
         TrustServerCertificate=False;Connection Timeout=30;",
        "mssql://ada:canary@x.database.windows.net:1433/shop?sslmode=verify-full",
        "pool.connect_timeout=30s",
        "Persist MultipleActiveResultSets",
    ),
    (
        "Server=localhost;Database=master;Trusted_Connection=True;",
        "mssql://localhost/master?integrated_security=on",
        "",
        "",
    ),
    (
        "Server=db;Database=shop;User Id=sa;Password=canary;TrustServerCertificate=True;Encrypt=False",
        "mssql://sa:canary@db/shop?sslmode=disable",
        "",
        "TrustServerCertificate",
    ),
    (
        "Data Source=.\\SQLEXPRESS;Initial Catalog=shop;Integrated Security=SSPI",
        "mssql://localhost/shop?instance=SQLEXPRESS&integrated_security=on",
        "",
        "",
    ),
    (
        "Data Source=db\\inst,1434;Initial Catalog=shop;Integrated Security=false;User Id=u;Pwd=canary",
        "mssql://u:canary@db:1434/shop",
        "",
        "Data Integrated",
    ),
    (
        "Server=(local);Database=d;Max Pool Size=50;Min Pool Size=5;Application Name=till;\
         Packet Size=8192;ApplicationIntent=ReadOnly;Command Timeout=60;Connection Lifetime=300",
        "mssql://localhost/d?application_name=till&packet_size=8192&application_intent=ReadOnly",
        "pool.max_size=50 pool.min_idle=5 statement_timeout=60s pool.max_lifetime=300s",
        "",
    ),
    (
        "server=db;uid=u;pwd='canary;''x''';database=d;encrypt=strict;pooling=false",
        "mssql://u:canary%3B%27x%27@db/d?sslmode=verify-full",
        "unpooled=true",
        "",
    ),
    (
        "Server=db; User Id = u ; Password = \"canary \"\"q\"\"\" ; Encrypt = Mandatory",
        "mssql://u:canary%20%22q%22@db/?sslmode=verify-full",
        "",
        "",
    ),
    (
        "Provider=MSOLEDBSQL;Server=db;Database=shop;UID=sa;PWD=canary;",
        "mssql://sa:canary@db/shop",
        "",
        "Provider",
    ),
    (
        "Server=db;Authentication=Active Directory Default;Encrypt=True;Database=d",
        "mssql://db/d?authentication=Active%20Directory%20Default&sslmode=verify-full",
        "",
        "",
    ),
    // Npgsql.
    (
        "Host=localhost;Username=mylogin;Password=canary;Database=mydatabase",
        "postgres://mylogin:canary@localhost/mydatabase",
        "",
        "",
    ),
    (
        "Host=db;Port=5433;Username=ada;Password=canary;Database=shop;SSL Mode=Require;\
         Trust Server Certificate=true;Pooling=true;Minimum Pool Size=2;Maximum Pool Size=20;\
         Connection Idle Lifetime=300;Timeout=15;Command Timeout=30;Application Name=till",
        "postgres://ada:canary@db:5433/shop?sslmode=require&application_name=till",
        "pool.min_idle=2 pool.max_size=20 pool.idle_timeout=300s pool.connect_timeout=15s \
         statement_timeout=30s",
        "Pooling",
    ),
    (
        "Server=db;Port=5432;Database=shop;User Id=ada;Password=canary;",
        "postgres://ada:canary@db:5432/shop",
        "",
        "",
    ),
    ("Host=h1:5433,h2;Port=6000;Database=d", "postgres://h1:5433,h2:6000/d", "", ""),
    (
        "Host=h1:5433,h2;Database=d;Target Session Attributes=PreferStandby;Include Error Detail=true",
        "postgres://h1:5433,h2/d?target_session_attrs=prefer-standby",
        "",
        "Include",
    ),
    (
        "host=db;port=5432;database=shop;username=ada;password=canary",
        "postgres://ada:canary@db:5432/shop",
        "",
        "",
    ),
    (
        "Host=/run/postgresql;Database=d;Search Path=app",
        "postgres://%2Frun%2Fpostgresql/d?search_path=app",
        "",
        "",
    ),
    (
        "Host=db;Username=u;Passfile=pgpass;Keepalive=30;Max Auto Prepare=20;No Reset On Close=true;Enlist=false",
        "postgres://u@db/?passfile=pgpass&statement_cache=20&No%20Reset%20On%20Close=true",
        "pool.keepalive=30s",
        "Enlist",
    ),
    (
        "Host=db;SSL Mode=VerifyFull;Root Certificate=ca.pem;SSL Certificate=c.pem;SSL Key=k.pem",
        "postgres://db/?sslmode=verify-full&sslrootcert=ca.pem&sslcert=c.pem&sslkey=k.pem",
        "",
        "",
    ),
    ("Host=db;Timeout=0;Command Timeout=0", "postgres://db/", "statement_timeout=off", "Timeout"),
    // MySqlConnector and Connector/NET.
    (
        "Server=db;Uid=ada;Pwd=canary;Database=shop;SslMode=Required",
        "mysql://ada:canary@db/shop?sslmode=require",
        "",
        "",
    ),
    (
        "Server=db;User ID=ada;Password=canary;Database=shop;SslMode=VerifyFull;SslCa=ca.pem",
        "mysql://ada:canary@db/shop?sslmode=verify-full&sslrootcert=ca.pem",
        "",
        "",
    ),
    (
        "Server=db;Port=3306;Database=shop;Uid=ada;Pwd=canary;AllowUserVariables=True;CharSet=utf8mb4;\
         Default Command Timeout=60;ConnectionIdleTimeout=180;Keepalive=30",
        "mysql://ada:canary@db:3306/shop",
        "statement_timeout=60s pool.idle_timeout=180s",
        "AllowUserVariables CharSet Keepalive",
    ),
    (
        "server=localhost;user=root;database=world;port=3306;password=canary;SslMode=None;\
         AllowPublicKeyRetrieval=true;Connection Timeout=5",
        "mysql://root:canary@localhost:3306/world?sslmode=disable",
        "pool.connect_timeout=5s",
        "AllowPublicKeyRetrieval",
    ),
    (
        "Server=/run/mysqld.sock;Uid=u;AllowZeroDateTime=true",
        "mysql://u@/?socket=%2Frun%2Fmysqld.sock",
        "",
        "AllowZeroDateTime",
    ),
    // Oracle.
    (
        "Data Source=//db:1521/svc;User Id=scott;Password=canary",
        "oracle://scott:canary@db:1521/svc",
        "",
        "",
    ),
    (
        "User Id=scott;Password=canary;Data Source=db:1521/svc;Pooling=true;Min Pool Size=1;Incr Pool Size=5",
        "oracle://scott:canary@db:1521/svc",
        "pool.min_idle=1",
        "Pooling Incr",
    ),
    (
        "Data Source=ORCL;User Id=scott;Password=canary;Statement Cache Size=20",
        "oracle://scott:canary@/?connect_descriptor=ORCL&statement_cache=20",
        "",
        "",
    ),
    (
        "User Id=/;Data Source=(DESCRIPTION=(ADDRESS=(HOST=db)));DBA Privilege=SYSDBA",
        "oracle://%2F@/?connect_descriptor=%28DESCRIPTION%3D%28ADDRESS%3D%28HOST%3Ddb%29%29%29&mode=SYSDBA",
        "",
        "",
    ),
    // Db2's command line interface.
    (
        "DATABASE=SAMPLE;HOSTNAME=db;PORT=50000;PROTOCOL=TCPIP;UID=db2inst1;PWD=canary;",
        "db2://db2inst1:canary@db:50000/SAMPLE",
        "",
        "PROTOCOL",
    ),
    (
        "DATABASE=bludb;HOSTNAME=db;PORT=50001;SECURITY=SSL;UID=u;PWD=canary;CURRENTSCHEMA=APP",
        "db2://u:canary@db:50001/bludb?sslmode=verify-full&current_schema=APP",
        "",
        "",
    ),
];

pub(crate) const SQLITE: &[Row] = &[
    ("Data Source=x.db", "sqlite:x.db", "", ""),
    ("Data Source=Application.db;Cache=Shared", "sqlite:Application.db", "", "Cache"),
    ("Data Source=:memory:", "sqlite::memory:", "", ""),
    ("Data Source=Sharable;Mode=Memory;Cache=Shared", "sqlite::memory:", "", "Cache Mode"),
    (
        "Data Source=C:\\data\\shop.sqlite;Mode=ReadOnly",
        "sqlite:C%3A%5Cdata%5Cshop.sqlite?mode=ro",
        "",
        "",
    ),
    (
        "Data Source=shop.db;Version=3;Foreign Keys=True;Default Timeout=30",
        "sqlite:shop.db?foreign_keys=True&busy_timeout=30s",
        "",
        "Version",
    ),
    (
        "Data Source=/srv/shop.db;Version=3;Journal Mode=WAL;Synchronous=Full;Cache Size=2000;\
         Pooling=True;Max Pool Size=100;BusyTimeout=250",
        "sqlite:/srv/shop.db?journal_mode=WAL&synchronous=Full&cache_size=2000&busy_timeout=250ms",
        "pool.max_size=100",
        "Version Pooling",
    ),
    (
        "Data Source=x.db;FailIfMissing=True;Read Only=True",
        "sqlite:x.db?mode=ro",
        "",
        "FailIfMissing",
    ),
    ("Data Source=x.db;FailIfMissing=True", "sqlite:x.db?mode=rw", "", ""),
    ("Filename=./hello.db", "sqlite:./hello.db", "", ""),
    ("FullUri=file::memory:?cache=shared", "sqlite::memory:", "", "cache"),
    ("Data Source=file:x.db?mode=rw", "sqlite:x.db?mode=rw", "", ""),
];

pub(crate) const ODBC: &[Row] = &[
    (
        "Driver={ODBC Driver 18 for SQL Server};Server=db,1433;Database=shop;Uid=ada;Pwd={canary;}}x};Encrypt=yes",
        "odbc://ada:canary%3B%7Dx@/?Driver=ODBC%20Driver%2018%20for%20SQL%20Server&Server=db%2C1433\
         &Database=shop&Encrypt=yes",
        "",
        "",
    ),
    (
        "Driver=PostgreSQL Unicode;Server=db;Port=5432;Database=postgres;Uid=postgres;Pwd=canary;",
        "odbc://postgres:canary@/?Driver=PostgreSQL%20Unicode&Server=db&Port=5432&Database=postgres",
        "",
        "",
    ),
    ("DSN=warehouse;UID=ada;PWD=canary", "odbc://ada:canary@/?DSN=warehouse", "", ""),
    (
        "Server=db;Driver={MySQL ODBC 8.0 Unicode Driver};User=u;Password=canary;Option=3",
        "odbc://u:canary@/?Server=db&Driver=MySQL%20ODBC%208.0%20Unicode%20Driver&Option=3",
        "",
        "",
    ),
    (
        "Driver=SQLite3;Database=/srv/t.db;",
        "odbc:///?Driver=SQLite3&Database=%2Fsrv%2Ft.db",
        "",
        "",
    ),
    ("Driver=x;Uid=u;Pwd={'canary}", "odbc://u:%27canary@/?Driver=x", "", ""),
    (
        "Driver=/opt/simba/libsparkodbc.so;Host=h;UID=token;PWD=canary;HTTPPath=/sql/1;SSL=1",
        "odbc://token:canary@/?Driver=%2Fopt%2Fsimba%2Flibsparkodbc.so&Host=h&HTTPPath=%2Fsql%2F1&SSL=1",
        "",
        "",
    ),
    ("FILEDSN=prod.dsn", "odbc:///?FILEDSN=prod.dsn", "", ""),
];
