//! The tables of `pg_catalog` and `information_schema` that have no rows here: squall has no indexes, keys, triggers and the like.

/// A table's name, and its columns with their types.
pub const EMPTY: [(&str, &str); 54] = [
    ("pg_aggregate", "aggfnoid oid, aggkind text, aggnumdirectargs int2"),
    ("pg_attrdef", "oid oid, adrelid oid, adnum int2, adbin text"),
    ("pg_auth_members", "oid oid, roleid oid, member oid, grantor oid, admin_option bool"),
    ("pg_available_extensions", "name text, default_version text, installed_version text, comment text"),
    ("pg_cast", "oid oid, castsource oid, casttarget oid, castfunc oid, castcontext text, castmethod text"),
    (
        "pg_collation",
        "oid oid, collname text, collnamespace oid, collowner oid, collprovider text, collisdeterministic bool, collencoding int4, collcollate text, collctype text, colliculocale text",
    ),
    (
        "pg_constraint",
        "oid oid, conname text, connamespace oid, contype text, condeferrable bool, condeferred bool, convalidated bool, conrelid oid, contypid oid, conindid oid, conparentid oid, confrelid oid, confupdtype text, confdeltype text, confmatchtype text, conislocal bool, coninhcount int2, connoinherit bool, conkey int2[], confkey int2[], conpfeqop oid[], conppeqop oid[], conffeqop oid[], conexclop oid[], conbin text",
    ),
    ("pg_conversion", "oid oid, conname text, connamespace oid"),
    ("pg_db_role_setting", "setdatabase oid, setrole oid, setconfig text[]"),
    ("pg_default_acl", "oid oid, defaclrole oid, defaclnamespace oid, defaclobjtype text, defaclacl text[]"),
    (
        "pg_depend",
        "classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, refobjsubid int4, deptype text",
    ),
    ("pg_description", "objoid oid, classoid oid, objsubid int4, description text"),
    ("pg_enum", "oid oid, enumtypid oid, enumsortorder float4, enumlabel text"),
    (
        "pg_event_trigger",
        "oid oid, evtname text, evtevent text, evtowner oid, evtfoid oid, evtenabled text, evttags text[]",
    ),
    (
        "pg_extension",
        "oid oid, extname text, extowner oid, extnamespace oid, extrelocatable bool, extversion text, extconfig oid[], extcondition text[]",
    ),
    (
        "pg_foreign_data_wrapper",
        "oid oid, fdwname text, fdwowner oid, fdwhandler oid, fdwvalidator oid, fdwacl text[], fdwoptions text[]",
    ),
    (
        "pg_foreign_server",
        "oid oid, srvname text, srvowner oid, srvfdw oid, srvtype text, srvversion text, srvacl text[], srvoptions text[]",
    ),
    ("pg_foreign_table", "ftrelid oid, ftserver oid, ftoptions text[]"),
    (
        "pg_index",
        "indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2, indisunique bool, indnullsnotdistinct bool, indisprimary bool, indisexclusion bool, indimmediate bool, indisclustered bool, indisvalid bool, indcheckxmin bool, indisready bool, indislive bool, indisreplident bool, indkey int2[], indcollation oid[], indclass oid[], indoption int2[], indexprs text, indpred text",
    ),
    ("pg_indexes", "schemaname text, tablename text, indexname text, tablespace text, indexdef text"),
    ("pg_inherits", "inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool"),
    ("pg_language", "oid oid, lanname text, lanowner oid, lanispl bool, lanpltrusted bool"),
    ("pg_largeobject_metadata", "oid oid, lomowner oid, lomacl text[]"),
    ("pg_locks", "locktype text, database oid, relation oid, pid int4, mode text, granted bool"),
    (
        "pg_matviews",
        "schemaname text, matviewname text, matviewowner text, tablespace text, hasindexes bool, ispopulated bool, definition text",
    ),
    ("pg_opclass", "oid oid, opcmethod oid, opcname text, opcnamespace oid, opcintype oid, opcdefault bool"),
    ("pg_operator", "oid oid, oprname text, oprnamespace oid, oprleft oid, oprright oid, oprresult oid"),
    (
        "pg_partitioned_table",
        "partrelid oid, partstrat text, partnatts int2, partdefid oid, partattrs int2[], partexprs text",
    ),
    (
        "pg_policy",
        "oid oid, polname text, polrelid oid, polcmd text, polpermissive bool, polroles oid[], polqual text, polwithcheck text",
    ),
    (
        "pg_publication",
        "oid oid, pubname text, pubowner oid, puballtables bool, pubinsert bool, pubupdate bool, pubdelete bool, pubtruncate bool, pubviaroot bool",
    ),
    ("pg_publication_namespace", "oid oid, pnpubid oid, pnnspid oid"),
    ("pg_publication_rel", "oid oid, prpubid oid, prrelid oid, prqual text, prattrs int2[]"),
    ("pg_range", "rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, rngsubopc oid"),
    (
        "pg_rewrite",
        "oid oid, rulename text, ev_class oid, ev_type text, ev_enabled text, is_instead bool, ev_qual text, ev_action text",
    ),
    ("pg_seclabel", "objoid oid, classoid oid, objsubid int4, provider text, label text"),
    (
        "pg_sequence",
        "seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax int8, seqmin int8, seqcache int8, seqcycle bool",
    ),
    ("pg_sequences", "schemaname text, sequencename text, sequenceowner text, last_value int8"),
    ("pg_shdescription", "objoid oid, classoid oid, description text"),
    (
        "pg_stat_activity",
        "datid oid, datname text, pid int4, usename text, application_name text, state text, query text",
    ),
    ("pg_stat_user_tables", "relid oid, schemaname text, relname text, n_live_tup int8, n_dead_tup int8"),
    (
        "pg_statistic_ext",
        "oid oid, stxrelid oid, stxname text, stxnamespace oid, stxowner oid, stxkeys int2[], stxkind text[], stxstattarget int4",
    ),
    (
        "pg_subscription",
        "oid oid, subdbid oid, subname text, subowner oid, subenabled bool, subbinary bool, substream text, subtwophasestate text, subdisableonerr bool, suborigin text, subpasswordrequired bool, subrunasowner bool, subfailover bool, subconninfo text, subslotname text, subsynccommit text, subskiplsn text, subpublications text[]",
    ),
    (
        "pg_trigger",
        "oid oid, tgrelid oid, tgparentid oid, tgname text, tgfoid oid, tgtype int2, tgenabled text, tgisinternal bool, tgconstrrelid oid, tgconstrindid oid, tgconstraint oid, tgdeferrable bool, tginitdeferred bool, tgnargs int2, tgattr int2[], tgqual text",
    ),
    ("pg_ts_config", "oid oid, cfgname text, cfgnamespace oid, cfgowner oid, cfgparser oid"),
    ("pg_ts_dict", "oid oid, dictname text, dictnamespace oid, dictowner oid, dicttemplate oid, dictinitoption text"),
    (
        "pg_ts_parser",
        "oid oid, prsname text, prsnamespace oid, prsstart oid, prstoken oid, prsend oid, prsheadline oid, prslextype oid",
    ),
    ("pg_ts_template", "oid oid, tmplname text, tmplnamespace oid, tmplinit oid, tmpllexize oid"),
    ("pg_user_mapping", "oid oid, umuser oid, umserver oid, umoptions text[]"),
    (
        "information_schema_table_constraints",
        "constraint_catalog text, constraint_schema text, constraint_name text, table_catalog text, table_schema text, table_name text, constraint_type text, is_deferrable text, initially_deferred text",
    ),
    (
        "information_schema_key_column_usage",
        "constraint_catalog text, constraint_schema text, constraint_name text, table_catalog text, table_schema text, table_name text, column_name text, ordinal_position int4, position_in_unique_constraint int4",
    ),
    (
        "information_schema_referential_constraints",
        "constraint_catalog text, constraint_schema text, constraint_name text, unique_constraint_catalog text, unique_constraint_schema text, unique_constraint_name text, match_option text, update_rule text, delete_rule text",
    ),
    (
        "information_schema_constraint_column_usage",
        "table_catalog text, table_schema text, table_name text, column_name text, constraint_catalog text, constraint_schema text, constraint_name text",
    ),
    ("information_schema_sequences", "sequence_catalog text, sequence_schema text, sequence_name text, data_type text"),
    (
        "information_schema_triggers",
        "trigger_catalog text, trigger_schema text, trigger_name text, event_object_schema text, event_object_table text",
    ),
];

/// Returns whether a table has no rows, whatever the session holds.
pub fn is_empty(name: &str) -> bool {
    EMPTY.iter().any(|(known, _)| *known == name)
}
