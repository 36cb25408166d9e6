-- The directory of another ACME client that a version was taken over from; empty where it was made here.
alter table version add column imported_from text not null default '';
