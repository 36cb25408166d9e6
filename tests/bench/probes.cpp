// What an audit remembers, asked for a time: ten thousand places that a month of audits changed a hundred times each.
#include "base/time.h"
#include "bench/bare_sql.h"
#include "bench/baseline.h"
#include "bench/site.h"
#include "pki/csr.h"
#include "scan/memory.h"

#include <stdexcept>

#include <fmt/format.h>
#include <sqlite3.h>

namespace everseal::bench {
namespace {

constexpr int kProbes = 100;  // of a place

// Each place has another certificate since some time of the month; it timed out and answered in turn, each tenth of
// which was a finding; one in twenty has one that is open.
constexpr const char* kFill = R"sql(
begin;
create temp table now_ as select {now} as t;
create temp table n as with recursive n(i) as (select 0 union all select i + 1 from n where i < {places} - 1)
  select i from n;
create temp table k as with recursive k(j) as (select 0 union all select j + 1 from k where j < {probes} - 1)
  select j from k;
insert into certificate (fingerprint, serial, subject, issuer, names, not_before, not_after, key, is_ca, first_seen,
    der)
  select cast(printf('%032d', i + {places} * g) as blob), printf('%x', i + {places} * g),
    cast('CN=host' || i as blob), cast('CN=CA' as blob), cast('host' || i || '.example.org' as blob), t - 86400 * 60,
    t + 86400 * 30 + i * 60 + g * 2592000, 'ECDSA P-256', 0, t - 86400 * 60, x'3000'
  from n, now_, (select 0 as g union all select 1);
insert into place (id, kind, name, address, environment, team, labels, source, first_look, last_look, probe, shown,
    judged)
  select i + 1, 'endpoint', cast('host' || i || '.example.org:443' as blob),
    printf('10.%d.%d.%d:443', i / 62500, i / 250 % 250, i % 250), 'prod', 'web', '', 'config', t - 86400 * 60, t - 60,
    null, x'', x'' from n, now_;
insert into sighting (place, position, certificate, first_seen, last_seen)
  select i + 1, 0, cast(printf('%032d', i) as blob), t - 86400 * 60, t - 9000 - i % 10000 * 250 from n, now_;
insert into sighting (place, position, certificate, first_seen)
  select i + 1, 0, cast(printf('%032d', i + {places}) as blob), t - 9000 - i % 10000 * 250 + 3600 from n, now_;
insert into probe (place, at, outcome, phase, problem, tls_version, cipher, tls_group, alpn, client_certificate, leaf,
    handshake_us)
  select i + 1, t - ({probes} - 1 - j) * 25920 - i % 25920, case j % 2 when 1 then 'complete' else 'timed_out' end,
    'handshake', '', 'TLSv1.3', 'TLS_AES_256_GCM_SHA384', 'X25519', x'', '',
    cast(printf('%032d', i + {places}) as blob), 700 from k, n, now_ order by j;
update place set probe = (select max(probe.id) from probe where probe.place = place.id);
insert into finding (rule, place, certificate, severity, what, opened, closed)
  select 'timed-out', i + 1, x'', 'error', 'no answer within 3 s', t - ({probes} - 1 - j) * 25920 - i % 25920,
    t - ({probes} - 2 - j) * 25920 - i % 25920 from k, n, now_ where j % 10 = 8 order by j;
insert into finding (rule, place, certificate, severity, what, opened, closed)
  select 'expiring', i + 1, cast(printf('%032d', i + {places}) as blob), 'warning', 'the certificate ends soon',
    t - 1000, null from n, now_ where i % 20 = 0;
insert into audit_run (scope, what, started, ended, complete, looked, failed, policy, policy_hash, actor)
  select 'a', 'endpoints of the config', t - j * 3600, t - j * 3600 + 60, 1, {places}, 0, 'intermediate 6.0', 'c2d3',
    'root' from k, now_;
commit;
)sql";

void fill(const std::string& file, int places, std::int64_t now) {
  sqlite3* db = nullptr;
  const std::string script =
      fmt::format(fmt::runtime(kFill), fmt::arg("now", now), fmt::arg("places", places), fmt::arg("probes", kProbes));
  const bool filled = sqlite3_open(file.c_str(), &db) == SQLITE_OK &&
                      sqlite3_exec(db, script.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  const std::string problem = sqlite3_errmsg(db);
  sqlite3_close(db);
  if (!filled) throw std::runtime_error("the benchmark's database cannot be made: " + problem);
}

// What a look costs beside the look itself, in a process of its own; the second time nothing is new.
Usage record(const std::string& state, int places) {
  const auto key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
  const auto shown = pki::Certificate::parse_all(base::as_bytes(BareAuthority().sign(pki::csr_pem(
      pki::make_csr({.subject = {}, .identifiers = {pki::Identifier::parse("bench.example.org")}}, key)))));
  return apart([&] {
    const base::Time now = base::wall_clock();
    inventory::Store store = inventory::Store::open(state, sql::Access::read_write, now);
    scan::Memory memory(store, now);
    for (int i = 0; i < places; ++i) {
      inventory::Look look;
      look.place.name = base::Untrusted(fmt::format("host{}.example.org:443", i));
      look.place.address = fmt::format("10.{}.{}.{}:443", i / 62500, i / 250 % 250, i % 250);
      look.place.environment = "prod";
      look.place.team = "web";
      look.place.source = "config";
      look.probe.at = now;
      look.probe.outcome = "complete";
      look.probe.phase = "handshake";
      look.probe.handshake = std::chrono::microseconds(700);
      look.certificates = shown;
      look.known = memory.known(look.place);
      memory.add(std::move(look));
    }
    memory.flush();
  });
}

}  // namespace

void probes() {
  const int places = scaled(10'000);
  const Site site;
  site.everseal({"init"});
  const std::int64_t now = base::to_unix(base::wall_clock());
  fill(site.state() + "/everseal.db", places, now);
  const BareSql bare(site.state() + "/everseal.db");
  print_heading(
      fmt::format("{} probe rows of {} places, a month of audits; whole processes", places * kProbes, places));
  const auto compare = [&](const std::string& what, std::vector<std::string> words,
                           const std::function<double()>& sql) {
    std::vector<double> memory;
    const auto ours = [&] {
      const Usage usage = site.everseal(words);
      memory.push_back(usage.memory);
      return usage.wall * 1e3;
    };
    const Pair pair = in_turn(5, ours, [&] { return sql() * 1e3; });
    print({what, pair.ours, "ms", pair.theirs, "ours < 1000 ms"});
    print({"  memory", median(std::move(memory)), "MiB"});
  };
  constexpr std::int64_t kDay = 86'400;
  for (const int days : {1, 30})
    compare(fmt::format("audit --diff {}d", days), {"audit", "--diff", fmt::format("{}d", days)},
            [&, since = now - days * kDay] { return bare.changed(since, now + 1); });
  for (const int days : {1, 30})
    compare(fmt::format("audit report --from {}d --json", days),
            {"audit", "report", "--from", fmt::format("{}d", days), "--json"},
            [&, since = now - days * kDay] { return bare.changed(since, now + 1) + bare.shown_at(now); });
  compare("list --seen --json", {"list", "--seen", "--json"}, [&] { return bare.shown_at(now); });
  for (const char* const what : {"recording a look that shows something new", "recording one that shows the same"})
    print({what, record(site.state(), places).cpu / places * 1e6, "us", {}, "< a tenth of a handshake"});
}

}  // namespace everseal::bench
