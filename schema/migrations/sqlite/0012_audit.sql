-- What the audit saw, and what it thinks of it.

-- Where certificates are seen: an endpoint at one address (at whichever, where `address` is empty), or a file. What the
-- last look showed is the probe of that id; while nothing changes, only `last_look` does.
create table place (
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
create index place_environment on place (environment, id);
create index place_source on place (source, last_look) where gone is null;
create index place_gone on place (gone) where gone is not null;
create index place_first_look on place (first_look);

-- A certificate at a place. One that the last look still showed has no `last_seen`: the place's last look is it.
create table sighting (
  place       integer not null references place (id),
  position    integer not null,
  certificate blob not null,
  first_seen  integer not null,
  last_seen   integer,
  primary key (place, position, certificate, first_seen)
) strict, without rowid;
create index sighting_certificate on sighting (certificate, last_seen);
create index sighting_first_seen on sighting (first_seen);
create index sighting_last_seen on sighting (last_seen) where last_seen is not null;

-- What a look showed, where that was something else than before.
create table probe (
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
create index probe_place on probe (place, at);
create index probe_at on probe (at);

-- The looks of one hour.
create table probe_hour (
  hour             integer not null,
  place            integer not null references place (id),
  looks            integer not null,
  failures         integer not null,
  handshakes       integer not null,
  handshake_sum_us integer not null,
  handshake_max_us integer not null,
  primary key (hour, place)
) strict, without rowid;
create index probe_hour_place on probe_hour (place, hour);

-- A rule that a place, or a certificate at it, breaks; `certificate` is empty where it is the place alone. The row of an
-- open one is true as of its place's last look.
create table finding (
  id          integer primary key,
  rule        text not null,
  place       integer not null references place (id),
  certificate blob not null,
  severity    text not null,
  what        text not null,
  opened      integer not null,
  closed      integer
) strict;
create unique index finding_open on finding (place, rule, certificate) where closed is null;
create index finding_opened on finding (opened);
create index finding_closed on finding (closed) where closed is not null;
create index finding_place on finding (place, opened);

-- Somebody knows of a rule that a place breaks and said why it may be, until a day.
create table acknowledgement (
  id        integer primary key,
  rule      text not null,
  place     integer not null references place (id),
  reason    text not null,
  actor     text not null,
  created   integer not null,
  until     integer not null,
  withdrawn integer
) strict;
create index acknowledgement_place on acknowledgement (place, rule);
create index acknowledgement_until on acknowledgement (until);

-- One audit: what it was to look at (`scope` is a digest of that), and what it could not.
create table audit_run (
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
create index audit_run_scope on audit_run (scope, started);
create index audit_run_started on audit_run (started);
