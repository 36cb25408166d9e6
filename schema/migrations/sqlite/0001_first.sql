-- What bytes of strangers can reach (subjects, issuers, names) is BLOB: it may hold NUL and broken UTF-8.
-- Times are seconds since 1970 in UTC; fingerprints are the 32 octets of SHA-256.

create table migration (
  number  integer primary key,
  name    text not null,
  applied integer not null
) strict;

create table setting (
  key   text primary key,
  value text not null
) strict, without rowid;

-- managed .. issuer_name belong to the version that the certificate is, and are null where it was only seen: listings
-- filter and sort by them on one index.
create table certificate (
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
create index certificate_not_after on certificate (not_after);
create index certificate_serial on certificate (serial);
create index certificate_managed on certificate (managed) where managed is not null;
create index certificate_live on certificate (not_after) where version_state = 'live';
create index certificate_environment on certificate (environment, not_after) where environment is not null;
create index certificate_issuer_name on certificate (issuer_name, not_after) where issuer_name is not null;

-- One row a SAN: lower case, the labels of DNS names reversed ("org.example.www"), other kinds behind theirs
-- ("ip:10.0.0.1"), so that "everything below example.org" is one range.
create table certificate_name (
  reversed    blob not null,
  certificate integer not null references certificate (id),
  primary key (reversed, certificate)
) strict, without rowid;

create table managed (
  name        text primary key,
  spec        text not null,
  spec_hash   text not null,
  origin      text not null,
  environment text not null,
  key_owner   text not null,
  orphaned    integer not null,
  pinned      integer,
  look_again  integer not null
) strict, without rowid;
create index managed_due on managed (look_again) where orphaned = 0;

create table version (
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
  has_key     integer not null,
  primary key (name, number)
) strict, without rowid;
create unique index version_live on version (name) where state = 'live';
create index version_certificate on version (certificate) where certificate is not null;

create table deployment (
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
  changed        integer not null,
  primary key (artifact, owner, target)
) strict, without rowid;
create index deployment_failed on deployment (state) where state in ('failed', 'unverified');

create table intent (
  id      integer primary key,
  kind    text not null,
  subject text not null,
  version integer,
  reason  integer not null,
  csr     blob not null,
  created integer not null,
  done_at integer
) strict;
create index intent_open on intent (subject, id) where done_at is null;

create table attempt (
  subject    text not null,
  step       text not null,
  target     text not null,
  count      integer not null,
  problem    text not null,
  not_before integer,
  last       integer not null,
  primary key (subject, step, target)
) strict, without rowid;

create table authority (
  name       text primary key,
  settings   text not null,
  crl_dirty  integer not null,
  look_again integer not null
) strict, without rowid;
create index authority_due on authority (look_again);

create table authority_certificate (
  authority   text not null references authority (name),
  role        text not null,
  generation  integer not null,
  state       text not null,
  fingerprint blob not null,
  der         blob not null,
  key_file    text not null,
  primary key (authority, role, generation)
) strict, without rowid;

-- Every serial that an authority ever used.
create table issued (
  serial      text not null,
  authority   text not null references authority (name),
  generation  integer not null,
  fingerprint blob not null,
  not_after   integer not null,
  revoked_at  integer,
  reason      integer,
  primary key (serial, authority)
) strict, without rowid;
create index issued_revoked on issued (authority, generation, not_after) where revoked_at is not null;

create table crl (
  authority   text not null references authority (name),
  generation  integer not null,
  number      integer not null,
  this_update integer not null,
  next_update integer not null,
  der         blob not null,
  primary key (authority, generation, number)
) strict;

create table event (
  number  integer primary key,
  at      integer not null,
  actor   text not null,
  action  text not null,
  subject text not null,
  detail  text not null,
  hash    blob not null
) strict;
create index event_subject on event (subject, number);
