#include "scan/audit.h"

#include "audit/audit.h"
#include "audit/compare.h"
#include "audit/names.h"
#include "audit/sight.h"
#include "base/error.h"
#include "base/path.h"
#include "base/reprint.h"
#include "discover/walk.h"
#include "inventory/audit_runs.h"
#include "inventory/places.h"
#include "pki/digest.h"
#include "probe/address.h"
#include "report/audited.h"
#include "scan/difference.h"
#include "scan/dns_round.h"
#include "scan/further_looks.h"
#include "scan/known_files.h"
#include "scan/memory.h"
#include "scan/own_files.h"
#include "scan/sights.h"
#include "scan/together.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace everseal::scan {
namespace {

constexpr std::chrono::seconds kLongestForCrls{60};
// Of no more endpoints each one that was never looked at further is at once.
constexpr std::size_t kFew = 100;
// Sources of places that are names.
constexpr std::string_view kCrlHosts = "crl", kDnsNames = "dns";

std::string scope_of(const AuditRequest& request) {
  std::vector<std::string> names = request.paths;
  for (const Wanted& one : request.endpoints) names.push_back(one.name);
  for (const auto& [path, source] : request.own.files) names.push_back(path);
  std::ranges::sort(names);
  std::string text;
  for (const std::string& name : names) text += name + '\n';
  return base::hex(pki::sha256(base::as_bytes(text)));
}

inventory::FindingRecord record_of(const audit::Finding& finding, base::Time at) {
  inventory::FindingRecord record;
  record.opened = at;
  record.rule = finding.rule->id;
  record.certificate = finding.certificate;
  record.severity = audit::to_string(finding.severity);
  record.what = base::reprinted(finding.what.raw());
  return record;
}

std::vector<inventory::FindingRecord> records_of(const std::vector<audit::Finding>& findings, base::Time at) {
  std::vector<inventory::FindingRecord> records;
  for (const audit::Finding& finding : findings) records.push_back(record_of(finding, at));
  return records;
}

// What a look did not ask for, or ended too early to tell, so that it is neither new nor over.
std::function<bool(const inventory::FindingRecord&)> untold_by(const Judged& judged) {
  const bool saw_certificates = judged.certificates.has_value();
  return [saw_certificates, is_whole = judged.is_whole, had = judged.had, recent = judged.recent,
          unproved = judged.unproved](const inventory::FindingRecord& finding) {
    const audit::Rule* const rule = audit::find_rule(finding.rule);
    if (rule == nullptr) return false;
    if (finding.certificate && recent.contains(*finding.certificate)) return true;
    if (rule->needs == audit::Needs::revocation)
      return !saw_certificates || (finding.certificate && unproved.contains(*finding.certificate));
    if (!had.contains(rule->needs)) return true;
    if (is_whole || rule->nature == audit::Nature::failure) return false;
    return !saw_certificates || rule->identity == audit::Identity::place;
  };
}

std::string untold_text(const Judged& judged) {
  std::string text = judged.is_whole ? "whole" : "part";
  for (const audit::Needs needs : judged.had) text += fmt::format(" {}", static_cast<int>(needs));
  for (const std::set<pki::Fingerprint>* const ones : {&judged.recent, &judged.unproved}) {
    for (const pki::Fingerprint& one : *ones) text += " " + one.text();
    text += ";";
  }
  return text;
}

class Run {
 public:
  Run(const AuditRequest& request, Standards& standards, inventory::Store* store, report::AuditSink& sink,
      const std::function<base::Time()>& clock, const Progress& progress, std::stop_token stop)
      : request_(request),
        standards_(standards),
        store_(store),
        sink_(sink),
        clock_(clock),
        progress_(progress),
        stop_(std::move(stop)),
        began_(clock()),
        own_files_(request.own) {
    if (store_ != nullptr) memory_.emplace(*store_, began_);
    if (request_.crls) revocations_.emplace(*request_.crls, began_);
  }

  AuditOutcome run() {
    begin();
    look_at_own_files();
    look_at_endpoints();
    look_at_any_addresses();
    look_at_files();
    await_crls();
    tell_crl_hosts();
    ask_names();
    end();
    return std::move(outcome_);
  }

 private:
  void begin() {
    outcome_.began = began_;
    seen_.assign(request_.endpoints.size(), false);
    record_.scope = scope_of(request_);
    record_.what = request_.what;
    record_.started = began_;
    record_.policy = standards_.policy().title();
    record_.policy_hash = standards_.policy().hash;
    record_.by_environment = standards_.policies_of(environments_of(request_));
    outcome_.remarks = request_.own.remarks;
    if (!standards_.has_system_store())
      outcome_.remarks.emplace_back(
          "this host has no CA certificates of its own, so that no public chain is trusted "
          "(install ca-certificates)");
    if (store_ == nullptr) return;
    inventory::AuditRuns runs(*store_);
    if (request_.begin == AuditRequest::Begin::where_the_last_stopped) pass_over(runs.last(record_.scope));
    outcome_.lapsed = lapsed_since_looked_at(*store_, began_);
    try {
      record_.id = runs.begin(record_);
    } catch (const base::Error& error) {
      if (error.fault() == base::Fault::busy) throw;
      // A full disk keeps nobody from looking.
      outcome_.why_not_remembered = error.message();
      memory_.reset();
    }
  }

  // A disk that fills keeps nobody from looking on: what comes then is reported, and not remembered.
  template <class Work>
  void remember(const Work& work) {
    if (!memory_) return;
    try {
      work(*memory_);
    } catch (const base::Error& error) {
      if (error.fault() != base::Fault::io) throw;
      outcome_.why_not_remembered = error.message();
      outcome_.is_remembered_in_part = true;
      memory_.reset();
    }
  }

  // What the last run of the same scope looked at before it was stopped.
  void pass_over(const std::optional<inventory::AuditRunRecord>& last) {
    if (!last || last->complete) {
      outcome_.remarks.emplace_back("nothing to resume: the last audit of this was complete");
      return;
    }
    began_ = last->started;
    inventory::Places places(*store_);
    std::int64_t passed = 0;
    for (std::size_t i = 0; i < request_.endpoints.size(); ++i) {
      const auto known = places.named(request_.endpoints[i].name);
      seen_[i] = std::ranges::any_of(known, [&](const auto& place) { return place.last_look >= last->started; });
      passed += seen_[i] ? 1 : 0;
    }
    outcome_.remarks.push_back(fmt::format("{} of {} endpoints were looked at before, from {} on", passed,
                                           request_.endpoints.size(), base::format_time(last->started)));
  }

  // Daily all that a look can tell, else no more than what may have changed. What is known of the place is kept for the
  // look's end.
  probe::Asked ask_of(const Wanted& wanted, const std::string& address) {
    probe::Asked asked{.depth = request_.depth, .alone = {}};
    if (asked.depth >= probe::Depth::further || request_.further == AuditRequest::Further::never) return asked;
    FurtherLooks looks;
    if (const inventory::KnownPlace* const known = known_of(wanted, address)) {
      looks = {.last = known->further_look, .first = known->place.first_look};
      asked.alone = known->alone;
    }
    const bool is_new_of_few = !looks.last && request_.endpoints.size() <= kFew;
    if (is_new_of_few || is_further_look_due(wanted.name, looks, began_)) asked.depth = probe::Depth::further;
    return asked;
  }

  // Null where it is new. Of one that any address will do for all of them are asked the same.
  const inventory::KnownPlace* known_of(const Wanted& wanted, const std::string& address) {
    if (!memory_) return nullptr;
    inventory::PlaceRecord place;
    place.kind = inventory::PlaceKind::endpoint;
    place.name = base::Untrusted(wanted.name);
    if (!wanted.any_address) place.address = address;
    const auto [known, is_first] = known_.try_emplace({wanted.name, place.address});
    if (is_first) known->second = memory_->known(place);
    return known->second ? &*known->second : nullptr;
  }

  using Done = std::function<void(std::size_t endpoint, probe::Capture)>;

  void probe_each(const std::vector<std::size_t>& endpoints, std::size_t most_addresses, const Done& done) {
    std::size_t at = 0;
    const auto next = [&]() -> std::optional<probe::Target> {
      if (at == endpoints.size()) return std::nullopt;
      probe::Target target = request_.endpoints[endpoints[at]].target;
      target.id = endpoints[at++];
      return target;
    };
    probe::Scope scope;
    scope.addresses = probe::Addresses::all;
    scope.most_addresses = most_addresses;
    scope.name_servers = request_.name_servers;
    scope.asked = [&](const probe::Target& target, const std::string& address) {
      return ask_of(request_.endpoints[target.id], address);
    };
    probe::probe_all(
        next, [&](const probe::Target& target, probe::Capture capture) { done(target.id, std::move(capture)); },
        request_.limits, scope, stop_);
  }

  std::vector<std::size_t> unseen(bool any_address) const {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < request_.endpoints.size(); ++i)
      if (!seen_[i] && request_.endpoints[i].any_address == any_address) all.push_back(i);
    return all;
  }

  void see(std::size_t endpoint) {
    if (!seen_[endpoint]) ++endpoints_;
    seen_[endpoint] = true;
  }

  void look_at_endpoints() {
    probe_each(unseen(false), 0, [&](std::size_t endpoint, const probe::Capture& capture) {
      see(endpoint);
      take(request_.endpoints[endpoint], capture, clock_());
      release_arrived();
    });
  }

  // Some at a time, as only the end of a round tells that none of an endpoint's addresses is still to come.
  void look_at_any_addresses() {
    constexpr std::size_t kAtOnce = 64;
    constexpr std::size_t kMostAddresses = 16;
    const std::vector<std::size_t> all = unseen(true);
    for (std::size_t begin = 0; begin < all.size() && !stop_.stop_requested(); begin += kAtOnce) {
      const auto end = std::min(begin + kAtOnce, all.size());
      std::map<std::size_t, std::vector<probe::Capture>> captures;
      probe_each({all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(end)},
                 kMostAddresses, [&](std::size_t endpoint, probe::Capture capture) {
                   captures[endpoint].push_back(std::move(capture));
                 });
      if (stop_.stop_requested()) return;
      for (const auto& [endpoint, shown] : captures) {
        see(endpoint);
        take_addresses(request_.endpoints[endpoint], shown, clock_());
        release_arrived();
      }
    }
  }

  inventory::PlaceRecord place_of(const Wanted& wanted, const probe::Capture& capture) {
    inventory::PlaceRecord place;
    place.kind = inventory::PlaceKind::endpoint;
    place.name = base::Untrusted(wanted.name);
    if (!wanted.any_address) place.address = capture.address;
    place.environment = wanted.environment;
    place.team = wanted.team;
    place.labels = labels_text(wanted.labels);
    place.source = wanted.source;
    (capture.address.empty() ? unresolved_ : reached_).insert(wanted.name);
    return place;
  }

  // What the addresses of a name show is one place's, and what one of them showed within a day is not over because the
  // name gives others now.
  void take_addresses(const Wanted& wanted, const std::vector<probe::Capture>& captures, base::Time now) {
    constexpr base::Seconds kTakeTurns{86'400};
    Standard& standard = standards_.of(wanted.environment);
    JudgedAddresses all =
        judge_addresses(wanted, captures, place_of(wanted, captures.front()).text(), standard, asked(), began_);
    if (all.judged.awaits && waits_)
      return held_[*all.judged.awaits].push_back(
          [this, &wanted, captures, now] { take_addresses(wanted, captures, now); });
    const probe::Capture& spokesman = captures[all.spokesman];
    inventory::PlaceRecord place = place_of(wanted, spokesman);
    std::vector<SeenLeaf> seen;
    if (memory_) seen = memory_->leaves_since(place, now - kTakeTurns);
    for (const SeenLeaf& leaf : seen) all.judged.recent.insert(leaf.certificate);
    for (const pki::Certificate& leaf : all.judged.leaves) all.judged.recent.erase(leaf.fingerprint());
    judge_versions(place.text(), standard, all.judged);
    add_look(seen, all.judged.leaves, now);
    together_.add(place, disagree(seen, now - kTakeTurns, now) ? wanted.name : std::string(), all.judged.leaves,
                  standard.criteria);
    report::AuditedPlace audited = timings_of(wanted, spokesman);
    for (const probe::Capture& capture : captures)
      if (!capture.address.empty()) audited.addresses.push_back(capture.address);
    std::ranges::sort(audited.addresses);
    inventory::ProbeRecord probe = probe_of(spokesman, all.judged, now);
    hand_over(std::move(place), std::move(probe), std::move(all.judged), std::move(audited));
  }

  void take(const Wanted& wanted, const probe::Capture& capture, base::Time at) {
    inventory::PlaceRecord place = place_of(wanted, capture);
    Standard& standard = standards_.of(wanted.environment);
    Judged judged = judge_endpoint(wanted, capture, place.text(), standard, asked(), began_);
    if (judged.awaits && waits_)
      return held_[*judged.awaits].push_back([this, &wanted, capture, at] { take(wanted, capture, at); });
    remember_smtp(wanted, capture);
    compare_with_meant(wanted, place.text(), standard, judged);
    together_.add(place, wanted.name, judged.leaves, standard.criteria);
    inventory::ProbeRecord probe = probe_of(capture, judged, at);
    hand_over(std::move(place), std::move(probe), std::move(judged), timings_of(wanted, capture));
  }

  static inventory::ProbeRecord probe_of(const probe::Capture& capture, const Judged& judged, base::Time at) {
    inventory::ProbeRecord probe = record_of_capture(capture);
    probe.at = at;
    if (!judged.leaves.empty()) probe.leaf = judged.leaves.front().fingerprint();
    return probe;
  }

  static report::AuditedPlace timings_of(const Wanted& wanted, const probe::Capture& capture) {
    report::AuditedPlace audited;
    if (capture.phase > probe::Phase::resolve && capture.resolve_time.count() > 0)
      audited.resolve = capture.resolve_time;
    if (capture.phase > probe::Phase::connect) audited.connect = capture.connect_time;
    if (!wanted.target.starttls.empty() && capture.phase > probe::Phase::starttls)
      audited.starttls = capture.starttls_time;
    audited.offer = offer_of(capture);
    return audited;
  }

  // Versions of managed certificates that are served though a newer one is in use; that is one fault, whatever they are
  // compared with beside.
  std::set<pki::Fingerprint> judge_versions(const std::string& place, Standard& standard, Judged& judged) {
    std::set<pki::Fingerprint> old;
    std::vector<audit::Finding> findings;
    for (const pki::Certificate& leaf : judged.leaves) {
      const auto superseded = memory_ ? memory_->superseded(leaf.fingerprint()) : std::nullopt;
      if (!superseded) continue;
      old.insert(leaf.fingerprint());
      std::ranges::move(audit::judge_superseded(place, leaf, *superseded, standard.criteria, began_),
                        std::back_inserter(findings));
    }
    add_findings(judged, std::move(findings));
    return old;
  }

  // What the listener serves beside what belongs there, and what it passes on to.
  void compare_with_meant(const Wanted& wanted, const std::string& place, Standard& standard, Judged& judged) {
    std::vector<audit::Finding> findings;
    const std::set<pki::Fingerprint> old = judge_versions(place, standard, judged);
    const auto compare = [&](const pki::Certificate& served, const std::optional<audit::Expected>& expected) {
      if (!expected || old.contains(served.fingerprint())) return;
      std::ranges::move(audit::judge_served(place, served, *expected, standard.criteria, began_),
                        std::back_inserter(findings));
    };
    const auto meant = request_.own.meant.find(wanted.name);
    const bool is_own = meant != request_.own.meant.end();
    if (is_own) {
      for (const pki::Certificate& leaf : judged.leaves) compare(leaf, own_files_.expected(meant->second, leaf));
      for (const discover::WeakUpstream& upstream : meant->second.upstreams)
        std::ranges::move(audit::judge_upstream(place, upstream_of(upstream), standard.criteria),
                          std::back_inserter(findings));
    } else if (wanted.deployed && memory_ && !judged.leaves.empty()) {
      const auto expected = memory_->deployed(*wanted.deployed);
      if (expected) compare(nearest(judged.leaves, expected->leaf), expected);
    } else {
      return;
    }
    judged.had.insert(audit::Needs::host);
    add_findings(judged, std::move(findings));
  }

  // Of what is served that which is to be `meant`: itself, else of the same kind of key, else the first.
  static const pki::Certificate& nearest(const std::vector<pki::Certificate>& served, const pki::Certificate& meant) {
    auto found = std::ranges::find(served, meant);
    if (found == served.end()) found = std::ranges::find(served, audit::has_rsa_key(meant), audit::has_rsa_key);
    return found == served.end() ? served.front() : *found;
  }

  static audit::Upstream upstream_of(const discover::WeakUpstream& weak) {
    audit::Upstream upstream;
    upstream.target = weak.peer;
    upstream.transport = weak.weakness == discover::Weakness::plain_text ? audit::Upstream::Transport::plain
                                                                         : audit::Upstream::Transport::unverified;
    return upstream;
  }

  // All of them are read before any is judged, as keys lie in files of their own.
  void look_at_own_files() {
    if (request_.own.files.empty()) return;
    discover::Walk walk;
    for (const auto& [path, source] : request_.own.files) walk.roots.push_back(path);
    walk.links = discover::Links::follow;
    std::vector<discover::File> files;
    std::int64_t closed = 0;
    walk_through(walk, [&](discover::File&& file) {
      own_files_.add(file);
      if (own_files_.is_closed_key(file))
        ++closed;
      else if (!file.certificates.empty() || !file.troubles.empty())
        files.push_back(std::move(file));
    });
    for (const discover::File& file : files) take(file, source_of(file), clock_());
    if (closed > 0)
      outcome_.remarks.push_back(fmt::format(
          "{} private keys cannot be read by this user, so that nobody looked whether they fit their certificates",
          closed));
  }

  std::string source_of(const discover::File& file) const {
    const auto named = request_.own.files.upper_bound(file.path);
    return named == request_.own.files.begin() ? std::string("arguments") : std::prev(named)->second;
  }

  void look_at_files() {
    if (request_.paths.empty()) return;
    discover::Walk walk;
    walk.roots = request_.paths;
    walk.links = discover::Links::follow;
    std::set<std::string> empty(request_.paths.begin(), request_.paths.end());
    const discover::Summary summary = walk_through(walk, [&](const discover::File& file) {
      if (!file.certificates.empty() || !file.troubles.empty()) {
        std::erase_if(empty, [&](const std::string& root) { return base::is_at_or_below(file.path, root); });
        take(file, "arguments", clock_());
      }
      release_arrived();
    });
    std::string remark =
        fmt::format("{} looked at in {}", report::counted(static_cast<std::int64_t>(summary.files), "file", "files"),
                    report::counted(static_cast<std::int64_t>(summary.directories), "directory", "directories"));
    if (summary.unchanged > 0)
      remark += fmt::format("; {} of them not read again, as nothing changed there", summary.unchanged);
    if (const std::string passed = discover::passed_over(summary); !passed.empty())
      remark += fmt::format("; passed over: {}", passed);
    outcome_.remarks.push_back(std::move(remark));
    for (const std::string& root : empty)
      outcome_.remarks.push_back(fmt::format("there is no certificate in {}", base::printable(root)));
  }

  discover::Summary walk_through(const discover::Walk& walk, const std::function<void(discover::File&&)>& see) {
    const discover::Summary summary =
        walk_known(walk, request_.passwords, memory_ ? store_ : nullptr, began_, see, stop_);
    if (summary.is_whole) std::ranges::copy(walk.roots, std::back_inserter(walked_));
    is_whole_ = is_whole_ && summary.is_whole;
    return summary;
  }

  // Does something of this host keep it alive? Absent where that is not known.
  std::optional<bool> is_renewed(const std::string& path, const pki::Certificate& leaf) {
    constexpr std::string_view kOtherClients[] = {"/letsencrypt/", "/.acme.sh/", "/.lego/", "/lego/certificates/",
                                                  "/caddy/certificates/"};
    const std::string canonical = canonical_path(path);
    for (const std::string_view client : kOtherClients)
      if (canonical.find(client) != std::string::npos) return true;
    if (!memory_) return std::nullopt;
    return memory_->managed(leaf.fingerprint()).has_value();
  }

  void take(const discover::File& file, const std::string& source, base::Time at) {
    inventory::PlaceRecord place;
    place.kind = inventory::PlaceKind::file;
    place.name = base::Untrusted(file.path);
    place.source = source;
    place.environment = request_.environment;
    Standard& standard = standards_.of(request_.environment);
    const auto beside = [&](const pki::Certificate& leaf) {
      audit::Stored stored = own_files_.beside(file.path, leaf);
      if (stored.is_read) stored.is_renewed = is_renewed(file.path, leaf);
      const auto managed = memory_ ? memory_->managed(leaf.fingerprint()) : std::nullopt;
      if (managed && request_.clients.contains(*managed)) stored.is_shown = true;
      return stored;
    };
    Judged judged = judge_file(file, place.text(), standard, asked(), began_, beside);
    if (judged.awaits && waits_)
      return held_[*judged.awaits].push_back([this, file, source, at] { take(file, source, at); });
    together_.add(place, {}, judged.leaves, standard.criteria);
    inventory::ProbeRecord probe = record_of_file(file);
    probe.at = at;
    if (!judged.leaves.empty()) probe.leaf = judged.leaves.front().fingerprint();
    hand_over(std::move(place), std::move(probe), std::move(judged), {});
  }

  Revocations* asked() { return revocations_ ? &*revocations_ : nullptr; }

  // What waited for these is judged again.
  void release_arrived() {
    if (!revocations_) return;
    for (const Revocations::Number number : revocations_->take_arrived())
      if (auto held = held_.extract(number))
        for (const auto& again : held.mapped()) again();
  }

  // The looks are over; what is still to come has only so long.
  void await_crls() {
    if (!revocations_) return;
    const auto until = std::chrono::steady_clock::now() + kLongestForCrls;
    while (!held_.empty() && revocations_->wait(until, stop_)) release_arrived();
    if (held_.empty()) return;
    if (!stop_.stop_requested())
      outcome_.remarks.emplace_back("some CRLs were not fetched in time: what they would say is not known");
    waits_ = false;
    for (const auto& [number, held] : std::exchange(held_, {}))
      for (const auto& again : held) again();
  }

  // A name of the DNS that something was asked about: a row where something is wrong with it, else the end of what was.
  void take(inventory::PlaceRecord place, const std::string& problem, std::vector<audit::Finding> findings,
            std::optional<base::Name> managed) {
    place.kind = inventory::PlaceKind::name;
    inventory::ProbeRecord probe;
    probe.at = clock_();
    probe.outcome = problem.empty() ? "complete" : "failed";
    probe.phase = "ask";
    probe.problem = problem;
    Judged judged;
    judged.certificates.emplace();
    judged.findings = std::move(findings);
    if (request_.caa == dns::CaaRecords::asked) judged.had.insert(audit::Needs::caa);
    report::AuditedPlace audited;
    audited.managed = std::move(managed);
    if (!judged.findings.empty())
      hand_over(std::move(place), std::move(probe), std::move(judged), std::move(audited));
    else if (memory_ && !open_at(memory_->known(place)).empty())
      remember([&](Memory& memory) { memory.add(look_of(std::move(place), probe, judged)); });
  }

  static inventory::PlaceRecord name_place(const std::string& name, std::string_view source) {
    inventory::PlaceRecord place;
    place.kind = inventory::PlaceKind::name;
    place.name = base::Untrusted(name);
    place.source = source;
    return place;
  }

  // What was wrong with names that nobody asks about any more.
  void close_others(const std::string& source, const std::set<std::string>& asked) {
    if (!memory_ || std::ranges::find(request_.whole, "config") == request_.whole.end() || stop_.stop_requested())
      return;
    for (inventory::PlaceRecord& place : memory_->open_names(source))
      if (!asked.contains(place.name.raw())) take(std::move(place), {}, {}, std::nullopt);
  }

  // One finding a host, however many certificates point at it.
  void tell_crl_hosts() {
    if (!revocations_) return;
    std::set<std::string> asked;
    for (const CrlHost& host : revocations_->hosts()) {
      asked.insert(host.name);
      std::vector<audit::Finding> findings;
      if (!host.problem.empty())
        findings =
            audit::judge_fetch(host.name, host.is_refused ? audit::Unfetched::not_asked : audit::Unfetched::failed,
                               host.problem, standards_.of({}).criteria);
      take(name_place(host.name, kCrlHosts), host.problem, std::move(findings), std::nullopt);
    }
    close_others(std::string(kCrlHosts), asked);
  }

  void ask_names() {
    if (!request_.dns) return;
    std::vector<DnsQuestion> questions;
    for (const RenewedName& name : *request_.dns)
      questions.push_back({name.name(), name.by_dns ? DnsQuestion::Kind::renewal_by_dns : DnsQuestion::Kind::renewal});
    const std::size_t renewed = questions.size();
    for (const auto& [name, served] : by_smtp_) questions.push_back({name, DnsQuestion::Kind::tlsa});
    if (questions.empty()) return;
    std::set<std::string> asked;
    for (std::size_t i = 0; i < questions.size(); ++i)
      asked.insert(i < renewed ? (*request_.dns)[i].text : questions[i].name);
    const auto done = [&](std::size_t at, const DnsAnswer& answer) {
      if (answer.observed) judge_renewal((*request_.dns)[at], *answer.observed);
      if (answer.tlsa) judge_smtp(questions[at].name, *answer.tlsa);
    };
    std::vector<dns::Server> resolvers;
    for (const std::string& text : request_.name_servers) resolvers.push_back(dns::parse_server(text));
    const DnsRound round = ask_dns(questions, resolvers, request_.caa, done, stop_);
    close_others(std::string(kDnsNames), asked);
    outcome_.remarks.push_back(fmt::format("{} names asked of the DNS", questions.size()));
    if (round.unanswered > 0)
      outcome_.remarks.push_back(
          fmt::format("{} of them are not judged, as no resolver answered: {}", round.unanswered, round.problem));
    if (!round.has_validated && round.unanswered < questions.size())
      outcome_.remarks.emplace_back("the resolver vouched for no answer by DNSSEC: what is signed there is not judged");
  }

  void judge_renewal(const RenewedName& name, const dns::Observed& seen) {
    inventory::PlaceRecord place = name_place(name.text, kDnsNames);
    place.environment = name.environment;
    place.team = name.team;
    take(std::move(place), {},
         audit::judge_name(name.text, seen, name.issuers, standards_.of(name.environment).criteria), name.managed);
  }

  void judge_smtp(const std::string& name, const dns::Tlsa& seen) {
    const Smtp& smtp = by_smtp_.at(name);
    inventory::PlaceRecord place = name_place(name, kDnsNames);
    place.environment = smtp.wanted->environment;
    place.team = smtp.wanted->team;
    take(std::move(place), {},
         audit::judge_tlsa(name, seen, smtp.chains, standards_.of(smtp.wanted->environment).criteria), std::nullopt);
  }

  // Senders look for the records of the name that the MX record names.
  void remember_smtp(const Wanted& wanted, const probe::Capture& capture) {
    if (!request_.dns || wanted.target.starttls != "smtp" || capture.chain.empty()) return;
    const std::string& host = wanted.target.sni.empty() ? wanted.target.host : wanted.target.sni;
    if (probe::is_address(host)) return;
    Smtp& smtp = by_smtp_[fmt::format("_{}._tcp.{}", wanted.target.port, base::lower(host))];
    smtp.wanted = &wanted;
    for (const auto* const chain : {&capture.chain, &capture.further.other_chain}) {
      std::vector<pki::Certificate> read = audit::read_chain(*chain).chain;
      if (!read.empty() && std::ranges::find(smtp.chains, read) == smtp.chains.end())
        smtp.chains.push_back(std::move(read));
    }
  }

  static inventory::Look look_of(inventory::PlaceRecord place, const inventory::ProbeRecord& probe,
                                 const Judged& judged) {
    place.first_look = place.last_look = probe.at;
    inventory::Look look;
    look.place = std::move(place);
    look.probe = probe;
    look.certificates = judged.certificates;
    look.stays = untold_by(judged);
    look.stays_by = untold_text(judged);
    look.is_further = judged.had.contains(audit::Needs::further);
    return look;
  }

  // As it was before its look, of which this is the end.
  std::optional<inventory::KnownPlace> take_known(const inventory::PlaceRecord& place) {
    if (!memory_) return std::nullopt;
    if (place.kind == inventory::PlaceKind::endpoint)
      if (auto known = known_.extract({place.name.raw(), place.address})) return std::move(known.mapped());
    return memory_->known(place);
  }

  static std::vector<inventory::FindingRecord> open_at(const std::optional<inventory::KnownPlace>& known) {
    return known ? known->open : std::vector<inventory::FindingRecord>();
  }

  void hand_over(inventory::PlaceRecord place, inventory::ProbeRecord probe, Judged judged,
                 report::AuditedPlace audited) {
    const bool is_name = place.kind == inventory::PlaceKind::name;
    if (place.team.empty()) place.team = team_of(judged);
    place.first_look = place.last_look = probe.at;
    std::optional<inventory::KnownPlace> known = take_known(place);
    audited.findings = told(judged, open_at(known), place, probe.at);
    if (memory_) {
      inventory::Look look = look_of(place, probe, judged);
      look.known = std::move(known);
      for (const report::AuditedFinding& one : audited.findings) look.findings.push_back(one.finding);
      if (!judged.leaves.empty()) audited.managed = memory_->managed(judged.leaves.front().fingerprint());
      remember([&](Memory& memory) { memory.add(std::move(look)); });
    }
    if (judged.certificates)
      for (const pki::Certificate& certificate : *judged.certificates)
        audited.certificates.push_back(inventory::record_of(certificate, probe.at));
    audited.path_ends = judged.path_ends;
    audited.place = std::move(place);
    audited.probe = std::move(probe);
    sink_.place(audited);
    if (is_name) return;
    ++outcome_.looked;
    outcome_.failed += is_failed(audited) ? 1 : 0;
    if (progress_) progress_(endpoints_, static_cast<std::int64_t>(request_.endpoints.size()));
  }

  // As reports call its state. Where somebody said that it may be so, it is none.
  static bool is_failed(const report::AuditedPlace& place) {
    return std::ranges::any_of(place.findings, [](const report::AuditedFinding& one) {
      const audit::Rule* const rule = audit::find_rule(one.finding.rule);
      return report::counts(one) && rule != nullptr && rule->nature == audit::Nature::failure;
    });
  }

  // Findings as they are reported, counted; what the last further look found holds until the next one, and a revocation
  // until somebody proves otherwise.
  std::vector<report::AuditedFinding> told(const Judged& judged, const std::vector<inventory::FindingRecord>& open,
                                           const inventory::PlaceRecord& place, base::Time at) {
    std::vector<inventory::FindingRecord> found = records_of(judged.findings, at);
    const bool is_plain = judged.is_whole && judged.certificates && !judged.had.contains(audit::Needs::further);
    for (const inventory::FindingRecord& one : open) {
      const audit::Rule* const rule = audit::find_rule(one.rule);
      if (rule == nullptr) continue;
      const bool is_unproved = rule->needs == audit::Needs::revocation && judged.certificates && one.certificate &&
                               judged.unproved.contains(*one.certificate);
      if (is_unproved || (is_plain && rule->needs == audit::Needs::further)) found.push_back(one);
      unasked_revocations_ += is_unproved ? 1 : 0;
    }
    std::ranges::stable_sort(found, std::greater<>(), [](const auto& one) { return inventory::gravity(one.severity); });
    return told(std::move(found), open, place);
  }

  std::vector<report::AuditedFinding> told(std::vector<inventory::FindingRecord> found,
                                           const std::vector<inventory::FindingRecord>& open,
                                           const inventory::PlaceRecord& place) {
    std::vector<report::AuditedFinding> all;
    for (inventory::FindingRecord& finding : found) {
      report::AuditedFinding shown{
          .finding = std::move(finding), .acknowledgement = std::nullopt, .since = std::nullopt};
      if (memory_) shown.since = since(open, shown.finding);
      if (memory_) shown.acknowledgement = memory_->acknowledgement(place, shown.finding.rule, shown.finding.severity);
      shown.in_baseline = request_.baseline && request_.baseline->holds(place, shown.finding);
      count(shown.finding, !report::counts(shown));
      all.push_back(std::move(shown));
    }
    return all;
  }

  void compare() {
    for (const Together::At& at : together_.findings()) {
      report::AuditedPlace audited;
      audited.place = at.place;
      audited.probe.at = clock_();
      std::vector<inventory::FindingRecord> open;
      if (memory_) open = open_at(memory_->known(at.place));
      audited.findings = told(records_of(at.findings, audited.probe.at), open, at.place);
      std::vector<inventory::FindingRecord> records;
      for (const report::AuditedFinding& one : audited.findings) records.push_back(one.finding);
      remember([&](Memory& memory) { memory.add_compared(at.place, records, audited.probe.at); });
      sink_.compared(audited);
    }
  }

  static base::Time since(const std::vector<inventory::FindingRecord>& open, const inventory::FindingRecord& finding) {
    const auto known = std::ranges::find_if(open, [&](const inventory::FindingRecord& one) {
      return one.rule == finding.rule && one.certificate == finding.certificate;
    });
    return known == open.end() ? finding.opened : known->opened;
  }

  void count(const inventory::FindingRecord& finding, bool is_known) {
    const audit::Rule* const rule = audit::find_rule(finding.rule);
    const auto severity = audit::parse_severity(finding.severity);
    if (is_known)
      ++outcome_.acknowledged;
    else if (rule != nullptr && severity && rule->nature == audit::Nature::fault)
      ++outcome_.findings[*severity];
  }

  std::string team_of(const Judged& judged) const {
    if (judged.leaves.empty()) return {};
    for (const pki::Identifier& identifier : pki::identifiers_of(judged.leaves.front().names()))
      for (const TeamPattern& pattern : request_.teams)
        if (pattern.claims(identifier)) return pattern.team;
    return {};
  }

  void end() {
    outcome_.not_looked = std::ranges::count(seen_, false) + request_.unusable;
    if (stop_.stop_requested()) outcome_.remarks.emplace_back("the run was stopped before its end");
    if (unasked_revocations_ > 0)
      outcome_.remarks.push_back(fmt::format("{} could not be asked about again, and {} as found before",
                                             report::counted(unasked_revocations_, "revocation", "revocations"),
                                             unasked_revocations_ == 1 ? "stays open" : "stay open"));
    record_.complete = outcome_.not_looked == 0 && is_whole_ && !stop_.stop_requested();
    outcome_.is_complete = record_.complete;
    remember([](Memory& memory) { memory.flush(); });
    compare();
    const base::Time now = clock_();
    remember([&](Memory& memory) {
      if (record_.complete) {
        memory.forget_unreached(reached_, unresolved_, request_.whole, now);
        memory.close_compared(together_, standards_.of({}).criteria, now);
      }
      if (!stop_.stop_requested())
        for (std::string& away : memory.forget_files(walked_, now)) {
          outcome_.remarks.push_back(std::move(away));
          outcome_.is_complete = false;
        }
      record_.ended = now;
      record_.looked = outcome_.looked;
      record_.failed = outcome_.failed;
      inventory::AuditRuns(*store_).end(record_);
    });
  }

  const AuditRequest& request_;
  Standards& standards_;
  inventory::Store* store_;
  report::AuditSink& sink_;
  const std::function<base::Time()>& clock_;
  const Progress& progress_;
  std::stop_token stop_;
  base::Time began_;
  OwnFiles own_files_;
  std::optional<Memory> memory_;
  std::optional<Revocations> revocations_;
  std::map<Revocations::Number, std::vector<std::function<void()>>> held_;  // until that CRL is there
  bool waits_ = true;
  struct Smtp {
    const Wanted* wanted = nullptr;
    std::vector<std::vector<pki::Certificate>> chains;  // as served there
  };
  std::map<std::string, Smtp> by_smtp_;  // by the name of their TLSA records
  inventory::AuditRunRecord record_;
  std::vector<bool> seen_;  // beside request.endpoints
  // Of endpoints that are being looked at, by name and address.
  std::map<std::pair<std::string, std::string>, std::optional<inventory::KnownPlace>> known_;
  Together together_;
  std::set<std::string> reached_;     // names, one of whose addresses was connected to
  std::set<std::string> unresolved_;  // those that led to no address
  std::vector<std::string> walked_;   // paths, all of which was seen
  std::int64_t endpoints_ = 0;
  std::int64_t unasked_revocations_ = 0;  // that were found before
  bool is_whole_ = true;
  AuditOutcome outcome_;
};

}  // namespace

bool AuditOutcome::has(audit::Severity severity) const {
  return std::ranges::any_of(findings, [&](const auto& one) { return one.first >= severity && one.second > 0; });
}

std::set<std::string> environments_of(const AuditRequest& request) {
  std::set<std::string> names;
  if (!request.paths.empty() || !request.own.files.empty()) names.insert(request.environment);
  for (const Wanted& one : request.endpoints) names.insert(one.environment);
  if (request.dns)
    for (const RenewedName& one : *request.dns) names.insert(one.environment);
  return names;
}

AuditOutcome audit(const AuditRequest& request, Standards& standards, inventory::Store* store, report::AuditSink& sink,
                   const std::function<base::Time()>& clock, const Progress& progress, std::stop_token stop) {
  return Run(request, standards, store, sink, clock, progress, std::move(stop)).run();
}

std::vector<report::AuditedRule> audited_rules() {
  std::vector<report::AuditedRule> all;
  for (const audit::Rule* const rule : audit::rules())
    all.push_back({.id = rule->id,
                   .severity = audit::to_string(rule->severity),
                   .summary = rule->summary,
                   .meaning = rule->meaning,
                   .remedy = rule->remedy,
                   .source = rule->source,
                   .nature = rule->nature == audit::Nature::failure ? report::AuditedRule::Nature::failure
                                                                    : report::AuditedRule::Nature::fault,
                   .identity = rule->identity == audit::Identity::certificate
                                   ? report::AuditedRule::Identity::certificate
                                   : report::AuditedRule::Identity::place});
  return all;
}

}  // namespace everseal::scan
