-- An account of ours at an ACME CA. `url` is empty from when its key is durable until the CA has answered.
create table account (
  issuer    text not null,
  directory text not null,
  url       text not null,
  folder    text not null,  -- below accounts/
  contact   text not null,  -- URLs, one a line
  status    text not null,
  created   integer not null,
  primary key (issuer, directory)
) strict, without rowid;

-- The newest order of each version. `url` is empty between the intent and the CA's answer.
create table acme_order (
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

-- What the CA last said of when a certificate should be renewed (RFC 9773). The window is null where it says nothing.
create table renewal_info (
  certificate blob primary key references certificate (fingerprint),
  starts      integer,
  ends        integer,
  renew_at    integer,          -- drawn once a window
  explanation blob not null,
  ask_again   integer not null,
  problem     text not null,    -- of the last time it was asked
  failures    integer not null  -- in a row
) strict, without rowid;
