-- A small company for tests of statements: every kind of relation, ten generated people.
CREATE SCHEMA crm;
CREATE SCHEMA sales;
CREATE SCHEMA ref;
CREATE SCHEMA secret;

CREATE TABLE crm.customers (
  id int PRIMARY KEY,
  full_name text NOT NULL,
  phone varchar(20) UNIQUE,
  email text,
  birth date,
  balance numeric(12,2),
  region text NOT NULL,
  status text NOT NULL DEFAULT 'open',
  tags text[],
  preferences jsonb,
  created_at timestamptz NOT NULL,
  uncatalogued text
);
CREATE INDEX ON crm.customers (region);
CREATE TABLE crm.contacts (
  id int PRIMARY KEY,
  customer_id int NOT NULL REFERENCES crm.customers,
  label text,
  value text,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE crm.consents (
  customer_id int, purpose text, granted_at timestamptz, withdrawn_at timestamptz, PRIMARY KEY (customer_id, purpose)
);
CREATE TABLE crm.events (id int, customer_id int, at date NOT NULL, ip text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE crm.events_old PARTITION OF crm.events FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
CREATE TABLE crm.events_new PARTITION OF crm.events FOR VALUES FROM ('2025-01-01') TO (MAXVALUE);
CREATE TABLE crm.vip (note text, PRIMARY KEY (id)) INHERITS (crm.customers);
CREATE TABLE crm."客户" ("编号" int PRIMARY KEY, "姓名" text, "手机号" varchar(20), "城市" text);
CREATE TABLE crm.memo (id int PRIMARY KEY, a text, b text, n int DEFAULT 0);
CREATE TABLE sales.orders (id int PRIMARY KEY, customer_id int, region text, amount numeric(10,2), ordered date);
CREATE TABLE sales.customers (id int PRIMARY KEY, grade text);
CREATE TABLE ref.regions (code text PRIMARY KEY, title text);
CREATE TABLE secret.keys (id int PRIMARY KEY, key text);

INSERT INTO crm.customers (id, full_name, phone, email, birth, balance, region, status, tags, preferences, created_at, uncatalogued)
SELECT i, (ARRAY['王芳', '欧阳娜', 'Ada Byron', '李雷', 'Zoë Q'])[1 + i % 5] || i, '138' || lpad((i * 7919 % 100000000)::text, 8, '0'),
  'user' || i || '@example.com', date '1950-01-01' + i * 700, i * 100.5, (ARRAY['north', 'south'])[1 + i % 2],
  (ARRAY['open', 'busy', 'gone'])[1 + i % 3], ARRAY['t' || i, 'x'], jsonb_build_object('k', i, 'mail', i % 2 = 0),
  now() - CASE WHEN i > 8 THEN interval '4 years' ELSE interval '30 days' END, 'u' || i
FROM generate_series(1, 10) i;
INSERT INTO crm.vip (id, full_name, phone, email, birth, balance, region, status, created_at, note)
VALUES (101, '诸葛亮', '13912340000', 'vip@example.com', '1960-06-06', 99999, 'north', 'open', now(), 'vip note');
INSERT INTO crm.contacts SELECT i, 1 + i % 10, (ARRAY['home', 'work'])[1 + i % 2], '139' || lpad((i * 104729 % 100000000)::text, 8, '0'), now()
FROM generate_series(1, 20) i;
INSERT INTO crm.consents SELECT i, 'campaign', now() - interval '9 days', CASE WHEN i = 3 THEN now() - interval '1 day' END
FROM generate_series(1, 5) i;
INSERT INTO crm.events SELECT i, 1 + i % 10, date '2024-06-01' + i * 30, '10.0.' || i || '.7' FROM generate_series(1, 20) i;
INSERT INTO crm."客户" SELECT i, '张三' || i, '137' || lpad((i * 31337)::text, 8, '0'), '上海' FROM generate_series(1, 4) i;
INSERT INTO crm.memo VALUES (1, 'hello', 'world', 1), (2, 'a', 'b', 2);
INSERT INTO sales.orders SELECT i, 1 + i % 10, (ARRAY['north', 'south'])[1 + i % 2], i * 3.5, date '2026-01-01' + i FROM generate_series(1, 30) i;
INSERT INTO sales.customers SELECT i, 'grade' || i % 3 FROM generate_series(1, 10) i;
INSERT INTO ref.regions VALUES ('north', '北方'), ('south', '南方');
INSERT INTO secret.keys VALUES (1, 'nobody');

CREATE VIEW crm.customer_view AS SELECT id, full_name, phone AS mobile, region FROM crm.customers;
CREATE VIEW crm.hidden_view AS SELECT id, phone FROM crm.customers;
CREATE MATERIALIZED VIEW crm.copy AS SELECT id, phone FROM crm.customers;

CREATE FUNCTION crm.phone_of(int) RETURNS text LANGUAGE sql SECURITY DEFINER STABLE AS 'SELECT phone::text FROM crm.customers WHERE id = $1';
CREATE FUNCTION crm.grade(int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''g'' || $1';
CREATE FUNCTION crm.lower(crm.customers) RETURNS text LANGUAGE sql AS 'SELECT $1.phone::text';
CREATE FUNCTION crm.shout(anyelement) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$;
CREATE FUNCTION crm.shouts(text, text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE '% %', $1, $2; RETURN true; END$$;
CREATE OPERATOR crm.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = crm.shouts);
CREATE TYPE crm.mood AS ENUM ('good', 'bad');
CREATE TYPE crm.pair AS (a text, b text);
CREATE DOMAIN crm.short AS text CHECK (length(VALUE) < 9);
