//! URLs of SQLAlchemy.

use super::Row;

pub(crate) const ROWS: &[Row] = &[
    ("postgresql+psycopg://ada:canary@db/shop", "postgres://ada:canary@db/shop", "", ""),
    (
        "postgresql+psycopg2://scott:canary@localhost:5432/mydb",
        "postgres://scott:canary@localhost:5432/mydb",
        "",
        "",
    ),
    ("postgresql+pg8000://u:canary%40home@h/d", "postgres://u:canary%40home@h/d", "", ""),
    ("postgresql+psycopg2cffi://u:canary@h/d", "postgres://u:canary@h/d", "", ""),
    (
        "postgresql+asyncpg://u:canary@h/d?ssl=require&command_timeout=30.5&timeout=5\
         &prepared_statement_cache_size=0",
        "postgres://u:canary@h/d?sslmode=require&statement_cache=0",
        "statement_timeout=30500ms pool.connect_timeout=5s",
        "",
    ),
    (
        "postgresql+asyncpg://u:canary@h/d?ssl=true&async_fallback=true",
        "postgres://u:canary@h/d?sslmode=verify-full",
        "",
        "async_fallback",
    ),
    (
        "postgresql+psycopg2://u:canary@/d?host=h1:5432&host=h2:5433&host=h3",
        "postgres://u:canary@h1:5432,h2:5433,h3/d",
        "",
        "",
    ),
    (
        "postgresql+psycopg2://u@/d?host=/var/run/postgresql",
        "postgres://u@%2Fvar%2Frun%2Fpostgresql/d",
        "",
        "",
    ),
    (
        "postgresql+psycopg://u@h/d?options=-c+search_path%3Da%2Cb&prepare_threshold=0",
        "postgres://u@h/d?options=-c%20search_path%3Da%2Cb&prepare_threshold=1",
        "",
        "",
    ),
    (
        "mysql+pymysql://root:canary@localhost/shop?charset=utf8mb4",
        "mysql://root:canary@localhost/shop",
        "",
        "charset",
    ),
    (
        "mysql+mysqldb://u:canary@h/d?charset=utf8&use_unicode=1",
        "mysql://u:canary@h/d",
        "",
        "charset use_unicode",
    ),
    ("mysql+aiomysql://u:canary@h:3307/d", "mysql://u:canary@h:3307/d", "", ""),
    (
        "mysql+asyncmy://u:canary@h/d?connect_timeout=5&autocommit=true",
        "mysql://u:canary@h/d",
        "pool.connect_timeout=5s",
        "autocommit",
    ),
    (
        "mysql+mysqlconnector://u:canary@h/d?ssl_ca=ca.pem&ssl_verify_cert=true&ssl_verify_identity=true",
        "mysql://u:canary@h/d?sslmode=verify-full&sslrootcert=ca.pem",
        "",
        "",
    ),
    (
        "mysql+pymysql://u:canary@h/d?ssl_ca=%2Fetc%2Fca.pem&ssl_check_hostname=false",
        "mysql://u:canary@h/d?sslmode=verify-ca&sslrootcert=%2Fetc%2Fca.pem",
        "",
        "",
    ),
    (
        "mysql+mysqlconnector://u:canary@h/d?ssl_disabled=True",
        "mysql://u:canary@h/d?sslmode=disable",
        "",
        "",
    ),
    (
        "mysql+pymysql://u@localhost/d?unix_socket=/run/mysqld.sock",
        "mysql://u@localhost/d?socket=%2Frun%2Fmysqld.sock",
        "",
        "",
    ),
    (
        "mysql+pymysql://u@h/d?sql_mode=ANSI,TRADITIONAL&local_infile=1",
        "mysql://u@h/d?sql_mode=ANSI%2CTRADITIONAL",
        "",
        "local_infile",
    ),
    ("mariadb+mariadbconnector://u:canary@h:3306/d", "mariadb://u:canary@h:3306/d", "", ""),
    ("mariadb+pymysql://u:canary@h/d", "mariadb://u:canary@h/d", "", ""),
    (
        "mssql+pyodbc://scott:canary@myhost:1433/test?driver=ODBC+Driver+18+for+SQL+Server",
        "mssql://scott:canary@myhost:1433/test",
        "",
        "driver",
    ),
    (
        "mssql+pyodbc://scott:canary@myhost:49242/databasename?driver=ODBC+Driver+18+for+SQL+Server\
         &Encrypt=yes&TrustServerCertificate=yes",
        "mssql://scott:canary@myhost:49242/databasename?sslmode=require",
        "",
        "driver",
    ),
    (
        "mssql+pyodbc://@myhost/db?driver=ODBC+Driver+17+for+SQL+Server&Trusted_Connection=yes",
        "mssql://myhost/db?integrated_security=on",
        "",
        "driver",
    ),
    ("mssql+pyodbc://scott:canary@mydsn", "odbc://scott:canary@/?DSN=mydsn", "", ""),
    (
        "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BODBC+Driver+18+for+SQL+Server%7D%3BSERVER%3Dtcp%3Adb\
         %2C1433%3BDATABASE%3Dshop%3BUID%3Dsa%3BPWD%3D%7Bcanary%3B%7D%7D%7D%3BEncrypt%3Dyes%3B\
         TrustServerCertificate%3Dno%3BConnection+Timeout%3D30",
        "mssql://sa:canary%3B%7D@db:1433/shop?sslmode=verify-full",
        "pool.connect_timeout=30s",
        "DRIVER",
    ),
    (
        "mssql+aioodbc:///?odbc_connect=DSN%3Dwarehouse%3BUID%3Dsa%3BPWD%3Dcanary",
        "odbc://sa:canary@/?DSN=warehouse",
        "",
        "",
    ),
    (
        "mysql+pyodbc:///?odbc_connect=Driver%3D%7BMySQL+ODBC+8.0+Unicode+Driver%7D%3BServer%3Dh%3BUid%3Du%3BPwd%3Dcanary",
        "odbc://u:canary@/?Driver=MySQL%20ODBC%208.0%20Unicode%20Driver&Server=h",
        "",
        "",
    ),
    (
        "mssql+pymssql://scott:canary@h:1433/db?charset=utf8&timeout=5",
        "mssql://scott:canary@h:1433/db",
        "statement_timeout=5s",
        "charset",
    ),
    (
        "mssql+pyodbc://sa:canary@h\\SQLEXPRESS/db?driver=x",
        "mssql://sa:canary@h/db?instance=SQLEXPRESS",
        "",
        "driver",
    ),
    (
        "oracle+oracledb://scott:canary@localhost:1521/?service_name=ORCLPDB1",
        "oracle://scott:canary@localhost:1521/ORCLPDB1",
        "",
        "",
    ),
    (
        "oracle+cx_oracle://scott:canary@h:1521/orcl",
        "oracle://scott:canary@h:1521/?sid=orcl",
        "",
        "",
    ),
    (
        "oracle+oracledb://scott:canary@tnsalias?encoding=UTF-8&threaded=true",
        "oracle://scott:canary@/?connect_descriptor=tnsalias",
        "",
        "encoding threaded",
    ),
    (
        "oracle+oracledb_async://s:canary@h:1521?service_name=x&mode=SYSDBA",
        "oracle://s:canary@h:1521/x?mode=SYSDBA",
        "",
        "",
    ),
    ("db2+ibm_db://db2inst1:canary@h:50000/SAMPLE", "db2://db2inst1:canary@h:50000/SAMPLE", "", ""),
    (
        "db2+ibm_db://u:canary@h:50001/BLUDB;SECURITY=SSL;SSLServerCertificate=ca.arm",
        "db2://u:canary@h:50001/BLUDB?sslmode=verify-full&sslrootcert=ca.arm",
        "",
        "",
    ),
    ("ibm_db_sa+pyodbc://u:canary@h:50000/d", "db2://u:canary@h:50000/d", "", ""),
    ("postgresql+some_new_driver://u:canary@h/d", "postgres://u:canary@h/d", "", ""),
];
