-- Up to which severity somebody knows of it, and since when an open finding is worse than it was.

alter table acknowledgement add column severity text not null default 'critical';

alter table finding add column raised integer;
create index finding_raised on finding (raised) where raised is not null;

-- What happened in a time, for who asks of one.
create index event_at on event (at);
