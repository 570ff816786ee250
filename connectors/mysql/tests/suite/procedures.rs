//! Stored procedures: several results, output parameters, generated keys.

use wellspring_connector::{Row, Value};
use wellspring_testkit::servers::Kind;

use crate::support::{fresh, on_both};

on_both! {
    async fn a_procedure_gives_all_its_results(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run("create table t (a int)", ()).await;
        session
            .run(
                "create procedure several() begin \
                   select 1 as one union all select 2; \
                   insert into t values (1), (2), (3); \
                   select 'x' as x, 'y' as y; \
                   select a from t where a > 99; end",
                (),
            )
            .await;
        let sets = session.query("call several()", ()).results().await.unwrap();
        let with_columns: Vec<_> = sets.iter().filter(|set| !set.columns.is_empty()).collect();
        assert_eq!(with_columns.len(), 3, "{sets:?}");
        assert_eq!(with_columns[0].rows.len(), 2);
        assert_eq!(with_columns[0].rows[1].try_get::<i64>("one").unwrap(), 2);
        assert_eq!(with_columns[1].rows[0].try_get::<&str>("y").unwrap(), "y");
        assert!(with_columns[2].rows.is_empty());
        // One result only is read by those who want one; the session goes on.
        let first: Vec<i64> = session.query("call several()", ()).all().await.unwrap();
        assert_eq!(first, [1, 2]);
        assert_eq!(session.get::<i64>("select count(*) from t", ()).await, 6);
    }

    async fn an_error_between_results_is_told(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session
            .run(
                "create procedure stumbles() begin select 1; \
                 signal sqlstate '45000' set message_text = 'stumbled'; end",
                (),
            )
            .await;
        let error = session.query("call stumbles()", ()).results().await.unwrap_err();
        assert!(error.message().contains("stumbled"), "{error:?}");
        assert_eq!(session.get::<i64>("select 1", ()).await, 1);
    }

    async fn output_parameters_are_read_from_variables(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run("create procedure twice(in n int, out r int) set r = 2 * n", ()).await;
        session.run("call twice(?, @r)", (21,)).await;
        assert_eq!(session.get::<i64>("select @r", ()).await, 42);
    }

    async fn generated_keys_are_told(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run("create table k (id bigint unsigned primary key auto_increment, a int)", ()).await;
        for n in 1..=3_i64 {
            let done = session.run("insert into k (a) values (0)", ()).await;
            assert_eq!((done.rows_affected, done.last_insert_id), (1, Some(Value::I64(n))));
        }
        assert_eq!(session.run("update k set a = 1", ()).await.last_insert_id, None);
        let row: Row = session.get("select max(id) from k", ()).await;
        assert_eq!(row.try_get::<u64>(0).unwrap(), 3);
    }
}
