-- A database of schema 13 with rows in every table.
CREATE TABLE migration (
  number  integer primary key,
  name    text not null,
  applied integer not null
) strict;
CREATE TABLE setting (
  key   text primary key,
  value text not null
) strict, without rowid;
CREATE TABLE certificate (
  id                integer primary key,
  fingerprint       blob not null unique,
  serial            text not null,
  subject           blob not null,
  issuer            blob not null,
  names             blob not null,
  not_before        integer not null,
  not_after         integer not null,
  key               text not null,
  is_ca             integer not null,
  first_seen        integer not null,
  revoked_at        integer,
  revocation_reason integer,
  managed           text,
  version           integer,
  version_state     text,
  environment       text,
  issuer_name       text,
  der               blob not null
) strict;
CREATE INDEX certificate_not_after on certificate (not_after);
CREATE INDEX certificate_serial on certificate (serial);
CREATE INDEX certificate_managed on certificate (managed) where managed is not null;
CREATE INDEX certificate_live on certificate (not_after) where version_state = 'live';
CREATE INDEX certificate_environment on certificate (environment, not_after) where environment is not null;
CREATE INDEX certificate_issuer_name on certificate (issuer_name, not_after) where issuer_name is not null;
CREATE TABLE certificate_name (
  reversed    blob not null,
  certificate integer not null references certificate (id),
  primary key (reversed, certificate)
) strict, without rowid;
CREATE TABLE managed (
  name        text primary key,
  spec        text not null,
  spec_hash   text not null,
  origin      text not null,
  environment text not null,
  key_owner   text not null,
  orphaned    integer not null,
  pinned      integer) strict, without rowid;
CREATE TABLE version (
  name        text not null references managed (name),
  number      integer not null,
  state       text not null,
  issuer      text not null,
  spec_hash   text not null,
  certificate blob references certificate (fingerprint),
  chain       blob not null,  -- fingerprints, one after the other
  not_before  integer,
  not_after   integer,
  renew_at    integer,
  created     integer not null,
  has_key     integer not null, imported_from text not null default '',
  primary key (name, number)
) strict, without rowid;
CREATE UNIQUE INDEX version_live on version (name) where state = 'live';
CREATE INDEX version_certificate on version (certificate) where certificate is not null;
CREATE TABLE deployment (
  artifact       text not null,
  owner          text not null,
  target         text not null,
  spec_hash      text not null,
  version        integer not null,
  previous       integer,
  current        integer,
  state          text not null,
  served_before  text not null,
  served_after   text not null,
  reload_problem text not null,
  problem        text not null,
  attempts       integer not null,
  not_before     integer,
  changed        integer not null, spec text not null default '', paths text not null default '',
  primary key (artifact, owner, target)
) strict, without rowid;
CREATE INDEX deployment_failed on deployment (state) where state in ('failed', 'unverified');
CREATE TABLE intent (
  id      integer primary key,
  kind    text not null,
  subject text not null,
  version integer,
  reason  integer not null,
  csr     blob not null,
  created integer not null,
  done_at integer
, actor text not null default '', outcome text not null default '', revoke integer not null default 0, delete_keys integer not null default 0) strict;
CREATE INDEX intent_open on intent (subject, id) where done_at is null;
CREATE TABLE attempt (
  subject    text not null,
  step       text not null,
  target     text not null,
  count      integer not null,
  problem    text not null,
  not_before integer,
  last       integer not null, fault text not null default '', needs_operator integer not null default 0,
  primary key (subject, step, target)
) strict, without rowid;
CREATE TABLE authority (
  name       text primary key,
  settings   text not null,
  crl_dirty  integer not null) strict, without rowid;
CREATE TABLE authority_certificate (
  authority   text not null references authority (name),
  role        text not null,
  generation  integer not null,
  state       text not null,
  fingerprint blob not null,
  der         blob not null,
  key_file    text not null,
  primary key (authority, role, generation)
) strict, without rowid;
CREATE TABLE issued (
  serial      text not null,
  authority   text not null references authority (name),
  generation  integer not null,
  fingerprint blob not null,
  not_after   integer not null,
  revoked_at  integer,
  reason      integer,
  primary key (serial, authority)
) strict, without rowid;
CREATE INDEX issued_revoked on issued (authority, generation, not_after) where revoked_at is not null;
CREATE TABLE crl (
  authority   text not null references authority (name),
  generation  integer not null,
  number      integer not null,
  this_update integer not null,
  next_update integer not null,
  der         blob not null,
  primary key (authority, generation, number)
) strict;
CREATE TABLE "event" (
  id      integer primary key,
  chain   text not null,
  number  integer not null,
  at      integer not null,
  actor   text not null,
  action  text not null,
  subject text not null,
  detail  text not null,
  hash    blob not null,
  unique (chain, number)
) strict;
CREATE INDEX event_subject on event (subject, id);
CREATE TABLE account (
  issuer    text not null,
  directory text not null,
  url       text not null,
  folder    text not null,  -- below accounts/
  contact   text not null,  -- URLs, one a line
  status    text not null,
  created   integer not null,
  primary key (issuer, directory)
) strict, without rowid;
CREATE TABLE acme_order (
  name      text not null,
  version   integer not null,
  issuer    text not null,
  directory text not null,
  account   text not null,
  profile   text not null,
  url       text not null,
  status    text not null,
  expires   integer,
  created   integer not null,
  changed   integer not null,
  primary key (name, version),
  foreign key (name, version) references version (name, number) on delete cascade
) strict, without rowid;
CREATE TABLE renewal_info (
  certificate blob primary key references certificate (fingerprint),
  starts      integer,
  ends        integer,
  renew_at    integer,          -- drawn once a window
  explanation blob not null,
  ask_again   integer not null,
  problem     text not null,    -- of the last time it was asked
  failures    integer not null  -- in a row
) strict, without rowid;
CREATE TABLE subject (
  kind       text not null,
  name       text not null,
  look_again integer,
  primary key (kind, name)
) strict, without rowid;
CREATE INDEX subject_due on subject (look_again, kind, name) where look_again is not null;
CREATE TABLE former_place (
  id       integer primary key,
  artifact text not null,
  owner    text not null,
  target   text not null,
  spec     text not null,
  left_at  integer not null
) strict;
CREATE INDEX former_place_owner on former_place (artifact, owner);
CREATE INDEX managed_orphaned on managed (name) where orphaned = 1;
CREATE TABLE config_file (
  path     text primary key,
  digest   text not null,
  settings text not null
) strict, without rowid;
CREATE INDEX certificate_name_certificate on certificate_name (certificate);
CREATE TABLE place (
  id          integer primary key,
  kind        text not null,
  name        blob not null,
  address     text not null,
  environment text not null,
  team        text not null,
  labels      text not null,
  source      text not null,
  first_look  integer not null,
  last_look   integer not null,
  gone        integer,
  probe       integer,
  shown       blob not null,
  judged      blob not null,
  unique (kind, name, address)
) strict;
CREATE INDEX place_environment on place (environment, id);
CREATE INDEX place_source on place (source, last_look) where gone is null;
CREATE INDEX place_gone on place (gone) where gone is not null;
CREATE INDEX place_first_look on place (first_look);
CREATE TABLE sighting (
  place       integer not null references place (id),
  position    integer not null,
  certificate blob not null,
  first_seen  integer not null,
  last_seen   integer,
  primary key (place, position, certificate, first_seen)
) strict, without rowid;
CREATE INDEX sighting_certificate on sighting (certificate, last_seen);
CREATE INDEX sighting_first_seen on sighting (first_seen);
CREATE INDEX sighting_last_seen on sighting (last_seen) where last_seen is not null;
CREATE TABLE probe (
  id                 integer primary key,
  place              integer not null references place (id),
  at                 integer not null,
  outcome            text not null,
  phase              text not null,
  problem            text not null,
  tls_version        text not null,
  cipher             text not null,
  tls_group          text not null,
  alpn               blob not null,
  client_certificate text not null,
  leaf               blob,
  handshake_us       integer
) strict;
CREATE INDEX probe_place on probe (place, at);
CREATE INDEX probe_at on probe (at);
CREATE TABLE probe_hour (
  hour             integer not null,
  place            integer not null references place (id),
  looks            integer not null,
  failures         integer not null,
  handshakes       integer not null,
  handshake_sum_us integer not null,
  handshake_max_us integer not null,
  primary key (hour, place)
) strict, without rowid;
CREATE INDEX probe_hour_place on probe_hour (place, hour);
CREATE TABLE finding (
  id          integer primary key,
  rule        text not null,
  place       integer not null references place (id),
  certificate blob not null,
  severity    text not null,
  what        text not null,
  opened      integer not null,
  closed      integer
, raised integer) strict;
CREATE UNIQUE INDEX finding_open on finding (place, rule, certificate) where closed is null;
CREATE INDEX finding_opened on finding (opened);
CREATE INDEX finding_closed on finding (closed) where closed is not null;
CREATE INDEX finding_place on finding (place, opened);
CREATE TABLE acknowledgement (
  id        integer primary key,
  rule      text not null,
  place     integer not null references place (id),
  reason    text not null,
  actor     text not null,
  created   integer not null,
  until     integer not null,
  withdrawn integer
, severity text not null default 'critical') strict;
CREATE INDEX acknowledgement_place on acknowledgement (place, rule);
CREATE INDEX acknowledgement_until on acknowledgement (until);
CREATE TABLE audit_run (
  id          integer primary key,
  scope       text not null,
  what        text not null,
  started     integer not null,
  ended       integer,
  complete    integer not null,
  looked      integer not null,
  failed      integer not null,
  policy      text not null,
  policy_hash text not null,
  actor       text not null
) strict;
CREATE INDEX audit_run_scope on audit_run (scope, started);
CREATE INDEX audit_run_started on audit_run (started);
CREATE INDEX finding_raised on finding (raised) where raised is not null;
CREATE INDEX event_at on event (at);
insert into migration (number, name, applied) values (1, '0001_first.sql', 1795000000);
insert into migration (number, name, applied) values (2, '0002_acme.sql', 1795000001);
insert into migration (number, name, applied) values (3, '0003_import.sql', 1795000002);
insert into migration (number, name, applied) values (4, '0004_subjects.sql', 1795000003);
insert into migration (number, name, applied) values (5, '0005_history.sql', 1795000004);
insert into migration (number, name, applied) values (10, '0010_config.sql', 1795000005);
insert into migration (number, name, applied) values (11, '0011_retention.sql', 1795000006);
insert into migration (number, name, applied) values (12, '0012_audit.sql', 1795000007);
insert into migration (number, name, applied) values (13, '0013_acknowledged.sql', 1795000008);
insert into setting (key, value) values ('config.digest', '5d41402a');
insert into setting (key, value) values ('store.proof', '2026-11-18T11:06:40Z');
insert into setting (key, value) values ('version.highest/gone', '7');
insert into certificate (id, fingerprint, serial, subject, issuer, names, not_before, not_after, key, is_ca, first_seen, revoked_at, revocation_reason, managed, version, version_state, environment, issuer_name, der) values (1, X'e9e465596d48d5cd1b0deaee032d83177f6688fc97861d35268380f1c85507d8', '004f', X'434e3d7777772d31', X'434e3d636f727020496e7465726d6564696174652043412031', X'7777772e6578616d706c652e6f72672c20ff0078', 1794913600, 1802776000, 'ECDSA P-256', 0, 1795000000, 1795000005, 1, 'www', 1, 'retired', 'prod', 'internal', X'3003020100');
insert into certificate (id, fingerprint, serial, subject, issuer, names, not_before, not_after, key, is_ca, first_seen, revoked_at, revocation_reason, managed, version, version_state, environment, issuer_name, der) values (2, X'e9e7eea54cb992f3f4a696b80ae16b255d1f098d66f173e2b43efea4f19ad271', '014f', X'434e3d7777772d32', X'434e3d636f727020496e7465726d6564696174652043412031', X'7777772e6578616d706c652e6f72672c20ff0078', 1794913600, 1802776000, 'ECDSA P-256', 0, 1795000000, NULL, NULL, 'www', 2, 'live', 'prod', 'internal', X'3003020101');
insert into certificate (id, fingerprint, serial, subject, issuer, names, not_before, not_after, key, is_ca, first_seen, revoked_at, revocation_reason, managed, version, version_state, environment, issuer_name, der) values (3, X'f9811b73ac5d1a8db842634fc0f871e03207ae44105fc9c2b7f1985e70f90d5a', '024f', X'434e3d6170692d31', X'434e3d636f727020496e7465726d6564696174652043412031', X'7777772e6578616d706c652e6f72672c20ff0078', 1794913600, 1802776000, 'ECDSA P-256', 0, 1795000000, NULL, NULL, 'api', 1, 'live', NULL, 'internal', X'3003020102');
insert into certificate (id, fingerprint, serial, subject, issuer, names, not_before, not_after, key, is_ca, first_seen, revoked_at, revocation_reason, managed, version, version_state, environment, issuer_name, der) values (4, X'7208794c984ea1c75d13877c7427336fe98722c41a056eeee4f37360ec367123', '034f', X'434e3d7365656e', X'434e3d636f727020496e7465726d6564696174652043412031', X'7777772e6578616d706c652e6f72672c20ff0078', 1794913600, 1802776000, 'ECDSA P-256', 0, 1795000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, X'3003020103');
insert into certificate_name (reversed, certificate) values (X'6f72672e6578616d706c652e777777', 1);
insert into certificate_name (reversed, certificate) values (X'6f72672e6578616d706c652e777777', 2);
insert into certificate_name (reversed, certificate) values (X'6f72672e6578616d706c652e777777', 3);
insert into certificate_name (reversed, certificate) values (X'69703a31302e302e302e31', 4);
insert into certificate_name (reversed, certificate) values (X'6f72672e6578616d706c652e777777', 4);
insert into managed (name, spec, spec_hash, origin, environment, key_owner, orphaned, pinned) values ('api', '{"identifiers":["api.example.org"]}', '14c2529eb4498c5d1ffd6915d05bf58a91bdda796af59f41d480d11c099d0479', '/etc/everseal/everseal.toml:12', '', 'ours', 1, NULL);
insert into managed (name, spec, spec_hash, origin, environment, key_owner, orphaned, pinned) values ('once', '{"identifiers":["once.example.org"]}', '200651a8b2d5912f692db89468a7d47d86a3ed6844f48f1b15f2be1d9c9a7e5e', 'once', '', 'external', 0, NULL);
insert into managed (name, spec, spec_hash, origin, environment, key_owner, orphaned, pinned) values ('www', '{"identifiers":["www.example.org"]}', '7c2ecd07f155648431e0f94b89247d713c5786e1e73e953f2fe7eca39534cd6d', '/etc/everseal/everseal.toml:12', 'prod', 'ours', 0, 1);
insert into version (name, number, state, issuer, spec_hash, certificate, chain, not_before, not_after, renew_at, created, has_key, imported_from) values ('api', 1, 'live', 'internal', '46f843559b7015efb3cc6f83ee510f1c00a88873b45a06d3e955a3f3f30cd90a', X'f9811b73ac5d1a8db842634fc0f871e03207ae44105fc9c2b7f1985e70f90d5a', X'6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126', 1794913600, 1802776000, 1800184000, 1795000000, 1, '');
insert into version (name, number, state, issuer, spec_hash, certificate, chain, not_before, not_after, renew_at, created, has_key, imported_from) values ('www', 1, 'retired', 'internal', 'baa2412698d6c5883b4567fbd687c22295c1b53357f46d6d7504e8a2e4a3a909', X'e9e465596d48d5cd1b0deaee032d83177f6688fc97861d35268380f1c85507d8', X'6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126', 1794913600, 1802776000, 1800184000, 1795000000, 0, '/etc/letsencrypt');
insert into version (name, number, state, issuer, spec_hash, certificate, chain, not_before, not_after, renew_at, created, has_key, imported_from) values ('www', 2, 'live', 'internal', 'baa2412698d6c5883b4567fbd687c22295c1b53357f46d6d7504e8a2e4a3a909', X'e9e7eea54cb992f3f4a696b80ae16b255d1f098d66f173e2b43efea4f19ad271', X'6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126', 1794913600, 1802776000, 1800184000, 1795000000, 1, '');
insert into version (name, number, state, issuer, spec_hash, certificate, chain, not_before, not_after, renew_at, created, has_key, imported_from) values ('www', 3, 'pending', 'internal', 'baa2412698d6c5883b4567fbd687c22295c1b53357f46d6d7504e8a2e4a3a909', NULL, X'', NULL, NULL, NULL, 1795000000, 1, '');
insert into deployment (artifact, owner, target, spec_hash, version, previous, current, state, served_before, served_after, reload_problem, problem, attempts, not_before, changed, spec, paths) values ('crl', 'corp', 'web', '18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4', 1795000001, NULL, 1795000001, 'verified', 'previous', 'wanted', '', '', 0, NULL, 1795000000, '', '/etc/tls/fullchain.pem');
insert into deployment (artifact, owner, target, spec_hash, version, previous, current, state, served_before, served_after, reload_problem, problem, attempts, not_before, changed, spec, paths) values ('version', 'www', 'haproxy', '18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4', 2, 1, 1, 'failed', 'previous', 'wanted', '', 'exit 1: its broken', 3, 1795000600, 1795000000, '', '/etc/tls/fullchain.pem');
insert into deployment (artifact, owner, target, spec_hash, version, previous, current, state, served_before, served_after, reload_problem, problem, attempts, not_before, changed, spec, paths) values ('version', 'www', 'nginx', '18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4', 2, 1, 2, 'verified', 'previous', 'wanted', '', '', 0, NULL, 1795000000, '', '/etc/tls/fullchain.pem');
insert into intent (id, kind, subject, version, reason, csr, created, done_at, actor, outcome, revoke, delete_keys) values (1, 'revoke', 'www', 1, 1, X'', 1795000000, 1795000009, '', 'done', 0, 0);
insert into intent (id, kind, subject, version, reason, csr, created, done_at, actor, outcome, revoke, delete_keys) values (2, 'force_renew', 'www', NULL, 0, X'', 1795000000, NULL, 'alice', '', 0, 0);
insert into intent (id, kind, subject, version, reason, csr, created, done_at, actor, outcome, revoke, delete_keys) values (3, 'issue_once', 'once', NULL, 0, X'3000', 1795000000, NULL, '', '', 0, 0);
insert into intent (id, kind, subject, version, reason, csr, created, done_at, actor, outcome, revoke, delete_keys) values (4, 'remove', 'api', NULL, 5, X'', 1795000000, 1795000001, 'root', 'cancelled', 1, 1);
insert into attempt (subject, step, target, count, problem, not_before, last, fault, needs_operator) values ('authority/corp', 'crl', '', 1, 'x', NULL, 1795000000, '', 0);
insert into attempt (subject, step, target, count, problem, not_before, last, fault, needs_operator) values ('certificate/www', 'issue', 'internal', 2, 'cut off', 1795000060, 1795000000, 'unreachable', 1);
insert into authority (name, settings, crl_dirty) values ('corp', '{}', 1);
insert into authority (name, settings, crl_dirty) values ('spare', '{}', 0);
insert into authority_certificate (authority, role, generation, state, fingerprint, der, key_file) values ('corp', 'intermediate', 1, 'active', X'6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126', X'300100', 'intermediate.key.pem');
insert into authority_certificate (authority, role, generation, state, fingerprint, der, key_file) values ('corp', 'root', 1, 'active', X'4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2', X'3000', 'root.key.pem');
insert into issued (serial, authority, generation, fingerprint, not_after, revoked_at, reason) values ('004f', 'corp', 1, X'e9e465596d48d5cd1b0deaee032d83177f6688fc97861d35268380f1c85507d8', 1802776000, 1795000005, 1);
insert into issued (serial, authority, generation, fingerprint, not_after, revoked_at, reason) values ('014f', 'corp', 1, X'e9e7eea54cb992f3f4a696b80ae16b255d1f098d66f173e2b43efea4f19ad271', 1802776000, NULL, NULL);
insert into crl (authority, generation, number, this_update, next_update, der) values ('corp', 1, 1795000000, 1795000000, 1795604800, X'30020500');
insert into crl (authority, generation, number, this_update, next_update, der) values ('corp', 1, 1795000001, 1795000001, 1795604801, X'30020500');
insert into event (id, chain, number, at, actor, action, subject, detail, hash) values (1, 'run', 1, 1795000000, 'root', 'authority.created', 'authority/corp', '{}', X'044c2535c245f9bd037a1abfaa166621803ea16ed938f38eb81b7b3d2153d656');
insert into event (id, chain, number, at, actor, action, subject, detail, hash) values (2, 'run', 2, 1795000001, 'root', 'certificate.managed', 'certificate/www', '{"origin":"once"}', X'ee57eebbcda66e6c2a19cc08813924f5aeed4cac3c2bba7ad95a0a1c09d20c56');
insert into event (id, chain, number, at, actor, action, subject, detail, hash) values (3, 'run', 3, 1795000002, 'eversealed', 'certificate.issued', 'certificate/www', '{"version":"1"}', X'9ccbabd8634d6d686be91c83dc79846cf0789db71ef77a2d1a2047211e907a76');
insert into event (id, chain, number, at, actor, action, subject, detail, hash) values (4, 'run', 4, 1795000003, 'root', 'certificate.revoked', 'certificate/www', '{"version":"1","reason":"keyCompromise"}', X'448164edb3d4b74f183acd3b15a4665703351f7cdefe4a6cb263b38e077a2053');
insert into account (issuer, directory, url, folder, contact, status, created) values ('le', 'https://acme.example/dir', 'https://acme.example/acct/1', 'le-1', 'mailto:ops@example.org', 'valid', 1795000000);
insert into acme_order (name, version, issuer, directory, account, profile, url, status, expires, created, changed) values ('www', 2, 'le', 'https://acme.example/dir', 'https://acme.example/acct/1', 'short', '', 'intended', NULL, 1795000000, 1795000000);
insert into acme_order (name, version, issuer, directory, account, profile, url, status, expires, created, changed) values ('www', 3, 'le', 'https://acme.example/dir', 'https://acme.example/acct/1', '', 'https://acme.example/order/9', 'pending', 1795086400, 1795000000, 1795000001);
insert into renewal_info (certificate, starts, ends, renew_at, explanation, ask_again, problem, failures) values (X'e9e7eea54cb992f3f4a696b80ae16b255d1f098d66f173e2b43efea4f19ad271', 1799320000, 1799752000, 1799492800, X'68747470733a2f2f63612e6578616d706c652f776879', 1795021600, '', 0);
insert into subject (kind, name, look_again) values ('authority', 'corp', 1795007200);
insert into subject (kind, name, look_again) values ('authority', 'spare', 1795007300);
insert into subject (kind, name, look_again) values ('certificate', 'api', NULL);
insert into subject (kind, name, look_again) values ('certificate', 'once', 1795000000);
insert into subject (kind, name, look_again) values ('certificate', 'www', 1795003600);
insert into former_place (id, artifact, owner, target, spec, left_at) values (1, 'version', 'www', 'nginx', '{"type":"files"}', 1795000000);
insert into config_file (path, digest, settings) values ('/etc/everseal/everseal.toml', '5d41402a', 'config_version = 1');
insert into place (id, kind, name, address, environment, team, labels, source, first_look, last_look, gone, probe, shown, judged) values (1, 'endpoint', X'7777772e6578616d706c652e6f72673a343433', '127.0.0.1:443', 'prod', 'web', '{"tier":"edge"}', 'config', 1795000000, 1795003600, NULL, 1, X'01', X'02');
insert into place (id, kind, name, address, environment, team, labels, source, first_look, last_look, gone, probe, shown, judged) values (2, 'file', X'2f6574632f73736c2f6f6c642e70656d', '', '', '', '', 'arguments', 1795000000, 1795000000, 1795003600, NULL, X'', X'');
insert into sighting (place, position, certificate, first_seen, last_seen) values (1, 0, X'e9e7eea54cb992f3f4a696b80ae16b255d1f098d66f173e2b43efea4f19ad271', 1795000000, NULL);
insert into sighting (place, position, certificate, first_seen, last_seen) values (2, 0, X'e9e7eea54cb992f3f4a696b80ae16b255d1f098d66f173e2b43efea4f19ad271', 1795000000, 1795000000);
insert into probe (id, place, at, outcome, phase, problem, tls_version, cipher, tls_group, alpn, client_certificate, leaf, handshake_us) values (1, 1, 1795000000, 'complete', 'handshake', '', 'TLSv1.3', 'TLS_AES_256_GCM_SHA384', 'X25519', X'6832', '', X'e9e7eea54cb992f3f4a696b80ae16b255d1f098d66f173e2b43efea4f19ad271', 700);
insert into probe_hour (hour, place, looks, failures, handshakes, handshake_sum_us, handshake_max_us) values (1794999600, 1, 2, 0, 2, 1400, 700);
insert into finding (id, rule, place, certificate, severity, what, opened, closed, raised) values (1, 'expiring', 1, X'e9e7eea54cb992f3f4a696b80ae16b255d1f098d66f173e2b43efea4f19ad271', 'warning', 'the certificate ends soon', 1795000000, NULL, 1795003000);
insert into finding (id, rule, place, certificate, severity, what, opened, closed, raised) values (2, 'file-unreadable', 2, X'', 'error', 'permission denied', 1795000000, 1795003600, NULL);
insert into acknowledgement (id, rule, place, reason, actor, created, until, withdrawn, severity) values (1, 'expiring', 1, 'the lab is closed in May', 'alice', 1795000000, 1802776000, NULL, 'warning');
insert into audit_run (id, scope, what, started, ended, complete, looked, failed, policy, policy_hash, actor) values (1, 'a0b1', '1 endpoint of the config', 1795000000, 1795000001, 1, 1, 0, 'intermediate 6.0', 'c2d3', 'root');
