//! URLs of JDBC.

use super::Row;

pub(crate) const POSTGRES: &[Row] = &[
    ("jdbc:postgresql://localhost:5432/postgres", "postgres://localhost:5432/postgres", "", ""),
    ("jdbc:postgresql:mydb", "postgres:///mydb", "", ""),
    ("jdbc:postgresql:/", "postgres:///", "", ""),
    ("jdbc:postgresql://h", "postgres://h/", "", ""),
    ("jdbc:postgresql://h/?user=ada", "postgres://ada@h/", "", ""),
    (
        "jdbc:postgresql://localhost/test?user=fred&password=canary&ssl=true",
        "postgres://fred:canary@localhost/test?sslmode=verify-full",
        "",
        "",
    ),
    (
        "jdbc:postgresql://h/d?user=u&password=canary&ssl",
        "postgres://u:canary@h/d?sslmode=verify-full",
        "",
        "",
    ),
    (
        "jdbc:postgresql://h1:5432,h2/db?user=ada&password=canary%2B1+2&ssl=true&sslmode=require\
         &currentSchema=app,public&ApplicationName=till&connectTimeout=10&socketTimeout=30",
        "postgres://ada:canary%2B1%202@h1:5432,h2/db?sslmode=require&search_path=app%2Cpublic\
         &application_name=till",
        "pool.connect_timeout=10s",
        "socketTimeout",
    ),
    (
        "jdbc:postgresql://h/d?user=ada@corp&password=canary@home&loginTimeout=30&connectTimeout=5",
        "postgres://ada%40corp:canary%40home@h/d",
        "pool.connect_timeout=30s",
        "connectTimeout",
    ),
    (
        "jdbc:postgresql://h/d?connectTimeout=5&loginTimeout=30",
        "postgres://h/d",
        "pool.connect_timeout=30s",
        "connectTimeout",
    ),
    (
        "jdbc:postgresql://h/d?targetServerType=preferSecondary&loadBalanceHosts=false&tcpKeepAlive=true",
        "postgres://h/d?target_session_attrs=prefer-standby",
        "",
        "loadBalanceHosts tcpKeepAlive",
    ),
    (
        "jdbc:postgresql://h/d?prepareThreshold=0&reWriteBatchedInserts=true&stringtype=unspecified",
        "postgres://h/d?statement_cache=0",
        "",
        "reWriteBatchedInserts stringtype",
    ),
    (
        "jdbc:postgresql://h/d?prepareThreshold=5&preparedStatementCacheQueries=256&defaultRowFetchSize=100",
        "postgres://h/d?prepare_threshold=5&statement_cache=256",
        "",
        "defaultRowFetchSize",
    ),
    (
        "jdbc:postgresql://h/d?sslmode=verify-ca&sslrootcert=ca.pem&sslcert=c.pem&sslkey=k.pk8\
         &sslpassword=canary",
        "postgres://h/d?sslmode=verify-ca&sslrootcert=ca.pem&sslcert=c.pem&sslkey=k.pk8\
         &sslpassword=canary",
        "",
        "",
    ),
    (
        "jdbc:postgresql://h/d?ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory",
        "postgres://h/d?sslmode=require",
        "",
        "",
    ),
    ("jdbc:postgresql://[::1]:5740/accounting", "postgres://[::1]:5740/accounting", "", ""),
    (
        "jdbc:postgresql://h/d?options=-c%20search_path=test,public%20-c%20statement_timeout=90000",
        "postgres://h/d?options=-c%20search_path%3Dtest%2Cpublic%20-c%20statement_timeout%3D90000",
        "",
        "",
    ),
];

pub(crate) const MYSQL: &[Row] = &[
    ("jdbc:mysql://localhost:3306/sakila", "mysql://localhost:3306/sakila", "", ""),
    ("jdbc:mysql://localhost:3306", "mysql://localhost:3306/", "", ""),
    ("jdbc:mysql://root:canary@localhost/sakila", "mysql://root:canary@localhost/sakila", "", ""),
    (
        "jdbc:mysql://localhost:3306/shop?user=root&password=canary&useSSL=false\
         &allowPublicKeyRetrieval=true&serverTimezone=UTC",
        "mysql://root:canary@localhost:3306/shop?sslmode=disable",
        "",
        "allowPublicKeyRetrieval serverTimezone",
    ),
    (
        "jdbc:mysql://db/shop?useSSL=true&requireSSL=true&verifyServerCertificate=false",
        "mysql://db/shop?sslmode=require",
        "",
        "",
    ),
    ("jdbc:mysql://db/shop?useSSL=true", "mysql://db/shop?sslmode=verify-full", "", ""),
    (
        "jdbc:mysql://db/shop?sslMode=VERIFY_CA&connectTimeout=5000&socketTimeout=60000",
        "mysql://db/shop?sslmode=verify-ca",
        "pool.connect_timeout=5s",
        "socketTimeout",
    ),
    (
        "jdbc:mysql://h/d?useUnicode=true&characterEncoding=UTF-8&zeroDateTimeBehavior=convertToNull\
         &autoReconnect=true&rewriteBatchedStatements=true&cachePrepStmts=true&prepStmtCacheSize=250\
         &prepStmtCacheSqlLimit=2048&useServerPrepStmts=true",
        "mysql://h/d?statement_cache=250",
        "",
        "useUnicode characterEncoding zeroDateTimeBehavior autoReconnect rewriteBatchedStatements \
         cachePrepStmts prepStmtCacheSqlLimit useServerPrepStmts",
    ),
    ("jdbc:mysql://h1:3306,h2:3307/d", "mysql://h1:3306,h2:3307/d", "", ""),
    ("jdbc:mysql://[::1]:3306/d", "mysql://[::1]:3306/d", "", ""),
    ("jdbc:mysql://h/d?characterEncoding=latin1", "mysql://h/d?charset=latin1", "", ""),
    (
        "jdbc:mariadb://localhost:3306/DB?user=root&password=canary%1+2",
        "mariadb://root:canary%251%2B2@localhost:3306/DB",
        "",
        "",
    ),
    (
        "jdbc:mariadb://h/d?useSsl=true&trustServerCertificate=true",
        "mariadb://h/d?sslmode=require",
        "",
        "",
    ),
    (
        "jdbc:mariadb://h/d?sslMode=trust&maxPoolSize=5",
        "mariadb://h/d?sslmode=require",
        "pool.max_size=5",
        "",
    ),
    (
        "jdbc:mariadb://h/d?useSsl&serverSslCert=/etc/ca.pem&disableSslHostnameVerification=true",
        "mariadb://h/d?sslmode=verify-ca&sslrootcert=%2Fetc%2Fca.pem",
        "",
        "",
    ),
    ("jdbc:mariadb:sequential://h1,h2/d", "mariadb://h1,h2/d", "", "the"),
];

pub(crate) const OTHERS: &[Row] = &[
    (
        "jdbc:sqlserver://localhost;encrypt=true;user=MyUserName;password=canary;",
        "mssql://MyUserName:canary@localhost/?sslmode=verify-full",
        "",
        "",
    ),
    (
        "jdbc:sqlserver://localhost:1433;databaseName=AdventureWorks;user=sa;password={canary;}}};\
         encrypt=true;trustServerCertificate=true;loginTimeout=30",
        "mssql://sa:canary%3B%7D@localhost:1433/AdventureWorks?sslmode=require",
        "pool.connect_timeout=30s",
        "",
    ),
    (
        "jdbc:sqlserver://db\\inst1;databaseName=shop;integratedSecurity=true;applicationName=till",
        "mssql://db/shop?instance=inst1&integrated_security=on&application_name=till",
        "",
        "",
    ),
    ("jdbc:sqlserver://db\\inst1:1434;databaseName=shop", "mssql://db:1434/shop", "", "the"),
    (
        "jdbc:sqlserver://;serverName=db;portNumber=1433;databaseName=shop",
        "mssql://db:1433/shop",
        "",
        "",
    ),
    (
        "jdbc:sqlserver://x.database.windows.net:1433;database=shop;user=a@x;password=canary;encrypt=true;\
         trustServerCertificate=false;hostNameInCertificate=*.database.windows.net;loginTimeout=30;",
        "mssql://a%40x:canary@x.database.windows.net:1433/shop?sslmode=verify-full\
         &host_name_in_certificate=%2A.database.windows.net",
        "pool.connect_timeout=30s",
        "",
    ),
    (
        "jdbc:sqlserver://db;encrypt=false;queryTimeout=-1;selectMethod=cursor;multiSubnetFailover=true",
        "mssql://db/?sslmode=disable&multi_subnet_failover=true",
        "statement_timeout=off",
        "selectMethod",
    ),
    ("jdbc:oracle:thin:@//db:1521/ORCLPDB1", "oracle://db:1521/ORCLPDB1", "", ""),
    ("jdbc:oracle:thin:@db:1521/ORCLPDB1", "oracle://db:1521/ORCLPDB1", "", ""),
    ("jdbc:oracle:thin:@db:1521:ORCL", "oracle://db:1521/?sid=ORCL", "", ""),
    ("jdbc:oracle:thin:scott/canary@db:1521/svc", "oracle://scott:canary@db:1521/svc", "", ""),
    (
        "jdbc:oracle:thin:scott/\"canary@1\"@//db:1521/svc",
        "oracle://scott:canary%401@db:1521/svc",
        "",
        "",
    ),
    (
        "jdbc:oracle:thin:@tcps://adb.oraclecloud.com:1522/x_high?wallet_location=/etc/wallet",
        "oracle://adb.oraclecloud.com:1522/x_high?sslmode=verify-full&wallet_location=%2Fetc%2Fwallet",
        "",
        "",
    ),
    (
        "jdbc:oracle:thin:@prod_alias?TNS_ADMIN=/etc/tns",
        "oracle:///?connect_descriptor=prod_alias&tns_admin=%2Fetc%2Ftns",
        "",
        "",
    ),
    (
        "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=db)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=s)))",
        "oracle:///?connect_descriptor=%28DESCRIPTION%3D%28ADDRESS%3D%28PROTOCOL%3DTCP%29%28HOST%3Ddb%29\
         %28PORT%3D1521%29%29%28CONNECT_DATA%3D%28SERVICE_NAME%3Ds%29%29%29",
        "",
        "",
    ),
    (
        "jdbc:oracle:oci:scott/canary@//db/svc:dedicated/inst",
        "oracle://scott:canary@db/svc?server_type=dedicated&instance=inst",
        "",
        "",
    ),
    ("jdbc:oracle:thin:@[::1]:1521:ORCL", "oracle://[::1]:1521/?sid=ORCL", "", ""),
    (
        "jdbc:db2://h:50000/SAMPLE:user=db2inst1;password=canary;",
        "db2://db2inst1:canary@h:50000/SAMPLE",
        "",
        "",
    ),
    (
        "jdbc:db2://h:50001/BLUDB:user=u;password=canary;sslConnection=true;sslCertLocation=/etc/ca.crt;\
         currentSchema=APP;retrieveMessagesFromServerOnGetMessage=true;",
        "db2://u:canary@h:50001/BLUDB?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.crt&current_schema=APP",
        "",
        "retrieveMessagesFromServerOnGetMessage",
    ),
    ("jdbc:db2://h:50000/SAMPLE", "db2://h:50000/SAMPLE", "", ""),
    ("jdbc:db2:SAMPLE", "db2:///SAMPLE", "", ""),
    ("jdbc:sqlite:sample.db", "sqlite:sample.db", "", ""),
    ("jdbc:sqlite:/srv/sample.db", "sqlite:/srv/sample.db", "", ""),
    ("jdbc:sqlite:C:/data/mydatabase.db", "sqlite:C%3A/data/mydatabase.db", "", ""),
    ("jdbc:sqlite::memory:", "sqlite::memory:", "", ""),
    ("jdbc:sqlite:", "sqlite::memory:", "", ""),
    ("jdbc:sqlite:file:x.db?mode=ro", "sqlite:x.db?mode=ro", "", ""),
    (
        "jdbc:sqlite:x.db?journal_mode=WAL&busy_timeout=5000&date_class=TEXT",
        "sqlite:x.db?journal_mode=WAL&busy_timeout=5s",
        "",
        "date_class",
    ),
    ("JDBC:SQLite:x.db", "sqlite:x.db", "", ""),
];
