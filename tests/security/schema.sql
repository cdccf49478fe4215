-- The attacked database: a small shop with every object kind that has been used to get around a mask.
-- Every sensitive value is a canary (canaries.py): one look at the bytes on the wire tells whether it escaped.
CREATE SCHEMA shop;
CREATE SCHEMA ref;                                            -- no personal data: opened by the data map as a whole
CREATE SCHEMA vault;                                          -- copies of the tables: not in the data map at all
CREATE SCHEMA evil;                                           -- what a careless owner left behind
SET search_path = shop, public;

CREATE TABLE people (
  id int PRIMARY KEY,
  full_name text NOT NULL,
  phone varchar(20) UNIQUE,
  email text UNIQUE,
  id_card char(18),
  birth date,
  address text,
  balance numeric(12,2) CHECK (balance >= 0),
  region text,
  status text DEFAULT 'open',
  note text,
  profile jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  phone_tail text GENERATED ALWAYS AS (right(phone, 8)) STORED
);
CREATE INDEX people_email_lower ON people (lower(email));
CREATE INDEX people_name ON people (full_name);
CREATE TABLE vip_people (vip_secret text, PRIMARY KEY (id)) INHERITS (people);
CREATE TABLE consents (person_id int, purpose text, granted_at timestamptz, withdrawn_at timestamptz,
  PRIMARY KEY (person_id, purpose));
CREATE TABLE contacts (id int PRIMARY KEY, person_id int REFERENCES people (id), label text, value text,
  region text, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE phone_registry (phone varchar(20) PRIMARY KEY REFERENCES people (phone), checked bool);
CREATE TABLE visits (id int, person_id int, happened_at timestamptz NOT NULL, kind text, ip text, detail jsonb)
  PARTITION BY RANGE (happened_at);
CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE TABLE visits_new PARTITION OF visits FOR VALUES FROM ('2024-01-01') TO (MAXVALUE);
CREATE TABLE 客户 (编号 int PRIMARY KEY, 姓名 text, 手机号 varchar(20), 城市 text);
CREATE TABLE tickets (id int PRIMARY KEY, person_id int, body text);
CREATE TABLE scratch (id int PRIMARY KEY, a text, b text);
CREATE TABLE ruled (id int PRIMARY KEY, body text);
CREATE TABLE audit_log (at timestamptz DEFAULT now(), old_row jsonb);
CREATE SEQUENCE invoice_no;
CREATE TABLE ref.countries (code char(2) PRIMARY KEY, name text, zh text);
CREATE TABLE ref.orders (id int PRIMARY KEY, person_id int, country char(2) REFERENCES ref.countries, amount numeric(10,2),
  ordered_at date, tags text[], body json);
INSERT INTO ref.countries VALUES ('CN', 'China', '中国'), ('DE', 'Germany', '德国'), ('FR', 'France', '法国');
INSERT INTO ref.orders SELECT i, 1 + i % 12, (ARRAY['CN','DE','FR'])[1 + i % 3], i * 10.5, date '2026-01-01' + i,
  ARRAY['t' || i % 4, 'all'], json_build_object('n', i) FROM generate_series(1, 40) i;

--DATA--

CREATE VIEW people_v AS SELECT id, full_name, phone AS p, email, id_card FROM people;
CREATE VIEW people_barrier_v WITH (security_barrier) AS SELECT id, phone FROM people;
CREATE VIEW people_count_v AS SELECT region, count(*) AS n, string_agg(phone, ',' ORDER BY id) AS phones
  FROM people GROUP BY region;
CREATE MATERIALIZED VIEW people_mv AS SELECT id, full_name, phone, email, balance FROM people;
CREATE VIEW ref.shortcut AS SELECT id, phone, email FROM shop.people;
CREATE TABLE ref.people_copy AS SELECT 1 AS id;
DROP TABLE ref.people_copy;

CREATE FUNCTION get_phone(int) RETURNS text LANGUAGE sql SECURITY DEFINER STABLE
  AS 'SELECT phone::text FROM shop.people WHERE id = $1';
CREATE FUNCTION all_people() RETURNS SETOF people LANGUAGE sql SECURITY DEFINER STABLE AS 'SELECT * FROM shop.people';
CREATE FUNCTION full_contact(people) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.phone || '' '' || $1.email';
CREATE FUNCTION speak(anyelement) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'seen %', $1; RETURN true; END$$;
CREATE FUNCTION speak2(text, text) RETURNS bool LANGUAGE plpgsql COST 0.0001
  AS $$BEGIN RAISE NOTICE 'cmp % %', $1, $2; RETURN true; END$$;
CREATE FUNCTION run_sql(text) RETURNS SETOF text LANGUAGE plpgsql AS $$BEGIN RETURN QUERY EXECUTE $1; END$$;
CREATE FUNCTION open_people() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER
  AS $$DECLARE c refcursor := 'everybody'; BEGIN OPEN c FOR SELECT phone, email FROM shop.people; RETURN c; END$$;
CREATE PROCEDURE tell(INOUT v text) LANGUAGE plpgsql SECURITY DEFINER
  AS $$BEGIN SELECT string_agg(phone, ',') INTO v FROM shop.people; END$$;
CREATE FUNCTION upper(int) RETURNS text LANGUAGE sql AS 'SELECT phone::text FROM shop.people WHERE id = $1';
CREATE AGGREGATE gather(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE OPERATOR ~~~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = speak2);
CREATE FUNCTION evil.eq(text, text) RETURNS bool LANGUAGE plpgsql COST 0.0001
  AS $$BEGIN RAISE NOTICE 'eq % %', $1, $2; RETURN $1 OPERATOR(pg_catalog.=) $2; END$$;
CREATE OPERATOR evil.<=> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq);
CREATE OPERATOR evil.+|+ (LEFTARG = text, RIGHTARG = text, FUNCTION = textcat);
CREATE FUNCTION person_card(people) RETURNS json LANGUAGE sql
  AS 'SELECT json_build_object(''who'', $1.full_name, ''c'', $1.phone)';
CREATE CAST (people AS json) WITH FUNCTION person_card(people);
CREATE DOMAIN short_text AS text CHECK (length(VALUE) < 5);
CREATE DOMAIN speaking AS text CHECK (shop.speak(VALUE));
CREATE TYPE pair AS (a text, b text);
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE FUNCTION phone_of(int) RETURNS mood LANGUAGE plpgsql AS $$BEGIN
  RAISE NOTICE 'phone %', (SELECT phone FROM shop.people WHERE id = $1); RETURN 'calm'; END$$;
CREATE CAST (int AS mood) WITH FUNCTION phone_of(int);
CREATE VIEW evil.pg_class AS SELECT phone AS relname FROM shop.people;
CREATE FUNCTION evil.now() RETURNS text LANGUAGE sql AS 'SELECT string_agg(phone, '','') FROM shop.people';
CREATE FUNCTION evil.length(text) RETURNS text LANGUAGE sql AS 'SELECT string_agg(phone, '','') FROM shop.people';

CREATE FUNCTION on_people_change() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
  RAISE NOTICE 'person changed: % %', OLD.phone, OLD.email;
  INSERT INTO shop.audit_log (old_row) VALUES (to_jsonb(OLD));
  PERFORM pg_notify('people', OLD.phone);
  RETURN NEW; END$$;
CREATE TRIGGER people_change AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION on_people_change();
CREATE FUNCTION on_ticket() RETURNS trigger LANGUAGE plpgsql AS $$DECLARE p text; BEGIN
  SELECT phone INTO p FROM shop.people WHERE id = NEW.person_id;
  RAISE NOTICE 'ticket for %', p;
  PERFORM pg_notify('tickets', p);
  IF NEW.body = 'raise' THEN RAISE EXCEPTION 'no ticket for %', p USING DETAIL = p, HINT = p; END IF;
  IF NEW.body = 'state' THEN RAISE EXCEPTION USING ERRCODE = '42000', MESSAGE = p, COLUMN = p; END IF;
  IF NEW.body = 'warn' THEN RAISE WARNING USING ERRCODE = '42P07', MESSAGE = p, HINT = p; END IF;
  RETURN NEW; END$$;
CREATE TRIGGER ticket_in BEFORE INSERT OR UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION on_ticket();
CREATE RULE ruled_echo AS ON INSERT TO ruled DO ALSO SELECT id, phone, email FROM shop.people;
CREATE STATISTICS people_stats (mcv) ON region, phone FROM people;
ALTER TABLE people ALTER COLUMN phone SET STATISTICS 1000;

CREATE TABLE vault.people AS SELECT * FROM ONLY shop.people;
CREATE TABLE vault.vip_people AS SELECT * FROM shop.vip_people;
CREATE TABLE vault.contacts AS SELECT * FROM shop.contacts;
CREATE TABLE vault.visits AS SELECT * FROM shop.visits;
CREATE TABLE vault.客户 AS SELECT * FROM shop.客户;
CREATE TABLE vault.consents AS SELECT * FROM shop.consents;

-- Puts everything back after a case that writes. Called over the direct connection only.
CREATE PROCEDURE vault.restore() LANGUAGE plpgsql AS $$
DECLARE r record; t text; cols text;
BEGIN
  SET LOCAL session_replication_role = replica;
  SET LOCAL client_min_messages = error;
  FOR r IN SELECT format('DROP %s IF EXISTS %s CASCADE', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
      WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.oid::regclass) AS q
      FROM pg_class c WHERE relname LIKE 'atk\_%' AND relkind IN ('r','v','m','S','p','f') LOOP EXECUTE r.q; END LOOP;
  FOR r IN SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure) AS q FROM pg_proc WHERE proname LIKE 'atk\_%'
    LOOP EXECUTE r.q; END LOOP;
  FOR r IN SELECT format('DROP RULE %I ON %s', rulename, ev_class::regclass) AS q FROM pg_rewrite WHERE rulename LIKE 'atk\_%'
    LOOP EXECUTE r.q; END LOOP;
  FOREACH t IN ARRAY ARRAY['people', 'vip_people', 'contacts', 'visits', '客户', 'consents'] LOOP
    SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum) INTO cols FROM pg_attribute
      WHERE attrelid = ('vault.' || t)::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'phone_tail';
    EXECUTE format('DELETE FROM %s shop.%I', CASE t WHEN 'people' THEN 'ONLY' ELSE '' END, t);
    EXECUTE format('INSERT INTO shop.%I (%s) SELECT %s FROM vault.%I', t, cols, cols, t);
  END LOOP;
  DELETE FROM shop.scratch; DELETE FROM shop.tickets; DELETE FROM shop.ruled; DELETE FROM shop.audit_log;
  INSERT INTO shop.scratch VALUES (1, 'hello', 'world');
  INSERT INTO shop.tickets VALUES (1, 5, 'first');
  DELETE FROM ref.orders WHERE id > 40;
  DELETE FROM ref.countries WHERE code NOT IN ('CN', 'DE', 'FR');
END$$;
CALL vault.restore();
-- Plans of the self-check must not change under way.
DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT oid::regclass AS t FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('shop'::regnamespace, 'ref'::regnamespace)
    LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', r.t); END LOOP; END $$;
ANALYZE;
