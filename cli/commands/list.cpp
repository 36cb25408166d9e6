#include "base/text.h"
#include "command.h"
#include "config_problems.h"
#include "environment.h"
#include "inventory/certificates.h"
#include "inventory/places.h"
#include "moments.h"
#include "reconcile/access.h"
#include "reconcile/overview.h"
#include "report/json.h"
#include "scan/period.h"
#include "show_rows.h"
#include "terminal.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kListArguments[] = {
    {.name = "--expiring", .summary = "only what ends within this time, or has ended", .value = "30d"},
    {.name = "--name",
     .summary = "only with this name, seen ones too; \"*.example.org\": every name below",
     .value = "NAME"},
    {.name = "--env", .summary = "only of this environment; seen ones by their places", .value = "ENV"},
    {.name = "--issuer", .summary = "only from this issuer", .value = "NAME"},
    {.name = "--managed", .summary = "only what is kept alive; the default without --name", .type = ArgumentType::flag},
    {.name = "--seen", .summary = "only what was signed or seen, and is not managed", .type = ArgumentType::flag},
    {.name = "--all",
     .summary = "managed and seen, also expired and former versions, and CA certificates",
     .type = ArgumentType::flag},
    {.name = "--as-of",
     .summary = "as it stood then: the newest version of each name and what was seen, a day at its end",
     .value = "DATE|7d"},
    {.name = "--check",
     .summary = "exit 3 where something needs attention, or with --expiring where anything is listed",
     .type = ArgumentType::flag},
};

using inventory::CertificateRecord;
using inventory::names_of;
using reconcile::ManagedAuthority;
using reconcile::ManagedCertificate;
using reconcile::state_of;
using report::Align;
using report::Cell;
using report::Column;
using report::JsonWriter;
using report::Narrow;
using report::Tone;

constexpr Column kListColumns[] = {{"name", "NAME", Align::left, Narrow::keep},
                                   {"state", "STATE", Align::left, Narrow::keep},
                                   {"not_after", "EXPIRES", Align::left, Narrow::keep},
                                   {"left", "LEFT", Align::left, Narrow::keep, 1},
                                   {"identifiers", "IDENTIFIERS", Align::left, Narrow::cut, 2},
                                   {"issuer", "ISSUER", Align::left, Narrow::cut, 3},
                                   {"environment", "ENV", Align::left, Narrow::cut, 4},
                                   {"key", "KEY", Align::left, Narrow::cut, 5},
                                   {"why", "WHY", Align::left, Narrow::wrap}};

std::vector<std::string> identifiers_of(const ManagedCertificate& one) {
  if (one.certificate) return names_of(*one.certificate);
  std::vector<std::string> names;
  if (one.wanted)
    for (const pki::Identifier& identifier : one.wanted->identifiers) names.push_back(identifier.text());
  return names;
}

// As the config names them; of a target that left it, none.
std::vector<std::string> listeners_of(const ManagedCertificate& one, const base::Name& target) {
  std::vector<std::string> listeners;
  if (!one.wanted) return listeners;
  const auto& targets = one.wanted->deployments;
  const auto found = std::ranges::find(targets, target, &config::Deployment::name);
  if (found != targets.end())
    for (const config::VerifyTarget& listener : found->verify) listeners.push_back(listener.connect);
  return listeners;
}

Tone tone_of(const plan::StandingState& state) {
  if (state.attention == plan::Attention::none) return Tone::plain;
  return state.state == plan::State::unverified || state.state == plan::State::orphaned ? Tone::warning : Tone::bad;
}

Cell cell_or_null(std::string_view text) { return text.empty() ? Cell() : Cell(text); }

std::string left(base::Time end, base::Time now) {
  return end > now ? base::approximate(end - now) : base::approximate(now - end) + " ago";
}

// Where a certificate was seen, the places that show it first.
struct SeenAt {
  inventory::PlaceRecord place;
  base::Time from, until;
  bool is_still_there = false;
};

std::vector<SeenAt> places_showing(inventory::Store& store, const pki::Fingerprint& certificate) {
  constexpr int kMostPlaces = 20;
  std::vector<SeenAt> all;
  for (auto& [place, sighting] : inventory::Places(store).of(certificate, kMostPlaces)) {
    const bool is_still_there = !sighting.last_seen && !place.gone;
    const base::Time until = sighting.last_seen.value_or(place.last_look);
    all.push_back({std::move(place), sighting.first_seen, until, is_still_there});
  }
  return all;
}

std::vector<SeenAt> places_showing(const scan::Standing& standing) {
  std::vector<SeenAt> all;
  for (const scan::Standing::Place& one : standing.places) all.push_back({one.place, one.from, one.until, true});
  return all;
}

// "at www.example.org:443, /etc/ssl/a.pem and 3 more"; "until 2026-11-02 at ..." where no place shows it any more.
std::string text_of(const std::vector<SeenAt>& places) {
  constexpr std::size_t kMostShown = 2;
  if (places.empty()) return {};
  const bool is_there = places.front().is_still_there;
  std::string text =
      is_there ? "at " : fmt::format("until {} at ", base::format_time(places.front().until).substr(0, 10));
  std::size_t shown = 0;
  for (; shown < std::min(places.size(), kMostShown) && places[shown].is_still_there == is_there; ++shown)
    text += fmt::format("{}{}", shown == 0 ? "" : ", ", places[shown].place.text());
  return shown == places.size() ? text : fmt::format("{} and {} more", text, places.size() - shown);
}

// Rows as they come: a table for people, one line of JSON each for scripts.
class Rows {
 public:
  Rows(const Context& context, base::Time now) : json_(context.output == Output::json), now_(now) {
    if (!json_) {
      sink_ = open_sink(context);
      sink_->begin("certificates", kListColumns);
      return;
    }
    writer_.begin_object().key(report::kFormatKey).number(report::kFormat).key("certificates").begin_array();
  }

  void add(const ManagedCertificate& one, const std::vector<SeenAt>& places) {
    const std::optional<CertificateRecord>& certificate = one.certificate;
    const std::string issuer = one.in_use ? one.in_use->issuer.text() : std::string();
    if (!json_) {
      const Cell end = certificate ? Cell(base::format_time(certificate->not_after).substr(0, 10)) : Cell();
      const bool over = certificate && certificate->not_after <= now_;
      const Cell cells[] = {one.record.name.text(),
                            Cell(Cell(to_string(one.state.state)), tone_of(one.state)),
                            Cell(end, over ? tone_of(one.state) : Tone::plain),
                            certificate ? Cell(left(certificate->not_after, now_)) : Cell(),
                            identifiers_of(one),
                            cell_or_null(issuer),
                            cell_or_null(one.record.environment),
                            certificate ? Cell(certificate->key) : Cell(),
                            one.state.why};
      return sink_->row(cells);
    }
    begin(one.record.name.text(), true, to_string(one.state.state));
    writer_.key("needs_attention").boolean(one.state.attention == plan::Attention::needed);
    writer_.key("why").value(cell_or_null(one.state.why));
    writer_.key("identifiers").texts(identifiers_of(one));
    writer_.key("issuer").value(cell_or_null(issuer));
    writer_.key("environment").value(cell_or_null(one.record.environment));
    writer_.key("version").value(one.in_use ? Cell(one.in_use->number) : Cell());
    writer_.key("renew_at").value(one.renew_at);
    certify(certificate ? &*certificate : nullptr);
    writer_.key("deployments").begin_array();
    for (const inventory::DeploymentRecord& deployment : one.deployments) {
      writer_.begin_object().key("target").text(deployment.target.text());
      writer_.key("state").text(to_string(deployment.state));
      writer_.key("version").number(deployment.version);
      writer_.key("directory").value(cell_or_null(config::directory_in_form(deployment.spec)));
      writer_.key("verify").texts(listeners_of(one, deployment.target));
      writer_.key("problem").value(cell_or_null(deployment.problem));
      writer_.key("retry_at").value(deployment.not_before);
      writer_.end_object();
    }
    writer_.end_array().key("failures").begin_array();
    for (const inventory::AttemptRecord& attempt : one.attempts) {
      const auto version = version_of(attempt);
      writer_.begin_object().key("step").text(attempt.step);
      writer_.key("target").value(version ? Cell() : cell_or_null(attempt.target));
      writer_.key("version").value(version ? Cell(*version) : Cell());
      writer_.key("count").number(attempt.count).key("problem").text(attempt.problem);
      writer_.key("fault").value(cell_or_null(attempt.fault));
      writer_.key("needs_operator").boolean(attempt.needs_operator);
      writer_.key("retry_at").value(attempt.not_before).end_object();
    }
    writer_.end_array();
    end(places);
  }

  // A row where it needs somebody; scripts get all, behind the certificates.
  void add(const ManagedAuthority& one) {
    const Cell cells[] = {reconcile::authority_subject(one.name),
                          Cell(Cell(to_string(one.state.state)), tone_of(one.state)),
                          one.not_after ? Cell(base::format_time(*one.not_after).substr(0, 10)) : Cell(),
                          one.not_after ? Cell(left(*one.not_after, now_)) : Cell(),
                          Cell(),
                          Cell(),
                          Cell(),
                          Cell(),
                          one.state.why};
    sink_->row(cells);
  }

  void add(const CertificateRecord& record, const std::vector<SeenAt>& places) {
    add(record, state_of(record, now_), false, places);
  }

  // As it stood at what this was made with for now.
  void add(const scan::Standing& one) {
    std::string_view state = one.state_at(now_);
    if (state == "live" && !one.is_newest) state = "seen";
    add(one.certificate, state, one.is_newest, places_showing(one));
  }

  // `problems`: of the config.
  void finish(const std::vector<const ManagedAuthority*>& authorities, const base::Problems& problems) {
    if (!json_) return sink_->end();
    writer_.end_array().key("authorities").begin_array();
    for (const ManagedAuthority* const one : authorities) {
      writer_.begin_object().key("name").text(one->name.text()).key("state").text(to_string(one->state.state));
      writer_.key("needs_attention").boolean(one->state.attention == plan::Attention::needed);
      writer_.key("why").value(cell_or_null(one->state.why));
      writer_.key("not_after").value(one->not_after).key("crl_until").value(one->crl_until).end_object();
    }
    writer_.end_array().key("problems");
    write(writer_, problems);
    writer_.end_object();
    print_part(writer_);
  }

 private:
  void add(const CertificateRecord& record, std::string_view state, bool managed, const std::vector<SeenAt>& places) {
    const std::string name = record.managed ? record.managed->text() : std::string();
    if (!json_) {
      const Cell cells[] = {cell_or_null(name),
                            state,
                            base::format_time(record.not_after).substr(0, 10),
                            left(record.not_after, now_),
                            record.names.raw().empty() ? Cell(record.subject) : Cell(record.names),
                            cell_or_null(record.issuer_name),
                            cell_or_null(record.environment),
                            record.key,
                            text_of(places)};
      return sink_->row(cells);
    }
    begin(name, managed, state);
    writer_.key("needs_attention").boolean(false).key("why").null();
    writer_.key("identifiers").texts(names_of(record));
    writer_.key("issuer").value(cell_or_null(record.issuer_name));
    writer_.key("environment").value(cell_or_null(record.environment));
    writer_.key("version").value(record.version).key("renew_at").null();
    certify(&record);
    writer_.key("deployments").begin_array().end_array().key("failures").begin_array().end_array();
    end(places);
  }

  void begin(std::string_view name, bool managed, std::string_view state) {
    writer_.begin_object().key("name").value(cell_or_null(name)).key("managed").boolean(managed);
    writer_.key("state").text(state);
  }

  void certify(const CertificateRecord* record) {
    const auto put = [&](std::string_view key, const Cell& cell) { writer_.key(key).value(record ? cell : Cell()); };
    put("not_before", record ? Cell(record->not_before) : Cell());
    put("not_after", record ? Cell(record->not_after) : Cell());
    put("revoked_at", record ? Cell(record->revoked_at) : Cell());
    put("reason", record && record->revocation_reason ? Cell(to_string(*record->revocation_reason)) : Cell());
    put("key", record ? Cell(record->key) : Cell());
    put("subject", record ? Cell(record->subject) : Cell());
    put("issuer_dn", record ? Cell(record->issuer) : Cell());
    put("serial", record ? Cell(record->serial) : Cell());
    put("fingerprint", record ? Cell(record->fingerprint.text()) : Cell());
  }

  void end(const std::vector<SeenAt>& places) {
    writer_.key("seen_at").begin_array();
    for (const SeenAt& one : places) {
      writer_.begin_object().key("place").text(one.place.name).key("address").value(cell_or_null(one.place.address));
      writer_.key("environment").value(cell_or_null(one.place.environment));
      writer_.key("from").time(one.from).key("until").time(one.until);
      writer_.key("still_there").boolean(one.is_still_there).end_object();
    }
    writer_.end_array().end_object();
    if (writer_.written().size() >= kPartSize) print_part(writer_);
  }

  bool json_;
  base::Time now_;
  std::unique_ptr<report::Sink> sink_;
  JsonWriter writer_;
};

// The names that a managed certificate answers to, as a search means it.
bool answers_to(const std::vector<std::string>& identifiers, const std::string& name) {
  const bool below = name.starts_with("*.") || name.starts_with('.');
  const std::string suffix = base::lower(below ? name.substr(name.find('.')) : name);
  for (const std::string& text : identifiers) {
    const std::string lower = base::lower(text);
    if (below ? lower.ends_with(suffix) : lower == suffix) return true;
  }
  return false;
}

// Only what still stands to be read of then: settings, deployments and failures are of today.
int list_as_of(const Context& context, inventory::Store& store, base::Time then) {
  const Arguments& arguments = context.arguments;
  for (const char* option : {"check", "issuer"})
    if (arguments.has(option))
      throw base::Error(base::Fault::usage, fmt::format("--{} speaks of today, --as-of of another time", option));
  const auto expiring = arguments.one("expiring");
  const auto ends_before = expiring ? std::optional(then + duration_argument(*expiring, "--expiring")) : std::nullopt;
  const std::string environment = arguments.one("env").value_or("");
  const std::string name = arguments.one("name").value_or("");
  const bool managed = !arguments.has("seen"), seen = !arguments.has("managed");
  Rows rows(context, then);
  bool is_empty = true;
  for (const scan::Standing& one : scan::stood_at(store, then)) {
    const bool is_of_environment =
        environment.empty() || one.certificate.environment == environment ||
        std::ranges::any_of(one.places, [&](const auto& at) { return at.place.environment == environment; });
    if (!(one.is_newest ? managed : seen) || !is_of_environment) continue;
    if (!name.empty() && !answers_to(names_of(one.certificate), name)) continue;
    if (ends_before && one.certificate.not_after >= *ends_before) continue;
    rows.add(one);
    is_empty = false;
  }
  rows.finish({}, {});
  if (is_empty && context.output == Output::text && !context.quiet) note("nothing is known of then\n");
  return 0;
}

int run_list(Context& context) {
  const Arguments& arguments = context.arguments;
  const reconcile::Host host = context.host();
  const base::Time now = host.clock();
  inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
  if (const auto environment = arguments.one("env")) require_known_environment(host, store, *environment);
  if (const auto then = arguments.one("as-of")) {
    begin_argument(*then, "--as-of", now);  // refuses one to come
    return list_as_of(context, store, end_argument(*then, "--as-of", now));
  }
  const bool json = context.output == Output::json;
  const bool all = arguments.has("all");
  const bool managed = all || arguments.has("managed") || !arguments.has("seen");
  const bool seen = all || arguments.has("seen") || (arguments.has("name") && !arguments.has("managed"));
  inventory::CertificateFilter filter;
  filter.now = now;
  if (const auto expiring = arguments.one("expiring"))
    filter.expires_before = now + duration_argument(*expiring, "--expiring");
  filter.environment = arguments.one("env").value_or("");
  filter.issuer = arguments.one("issuer").value_or("");
  filter.name = arguments.one("name").value_or("");
  filter.all = all;

  // A monitor's mail is about what is wrong, and empty where nothing is.
  const bool only_findings = arguments.has("check") && context.quiet && context.output == Output::text;
  Rows rows(context, now);
  std::size_t shown = 0;
  std::size_t needing = 0;
  std::set<pki::Fingerprint> in_use;
  reconcile::Overview all_managed;
  std::vector<const ManagedAuthority*> authorities;
  if (managed) {
    all_managed = reconcile::overview(host, store);
    if (filter.environment.empty() && filter.name.empty())
      for (const ManagedAuthority& one : all_managed.authorities) {
        const bool ends = filter.expires_before && one.not_after && *one.not_after < *filter.expires_before;
        if ((!filter.issuer.empty() && one.name.text() != filter.issuer) || (filter.expires_before && !ends)) continue;
        authorities.push_back(&one);
        if (one.state.attention == plan::Attention::none && !ends) continue;
        ++shown;
        ++needing;
        if (context.output == Output::text) rows.add(one);
      }
    for (const ManagedCertificate& one : all_managed.certificates) {
      if (one.certificate) in_use.insert(one.certificate->fingerprint);
      const bool wanted =
          (filter.environment.empty() || one.record.environment == filter.environment) &&
          (filter.issuer.empty() || (one.in_use && one.in_use->issuer.text() == filter.issuer)) &&
          (filter.name.empty() || answers_to(identifiers_of(one), filter.name)) &&
          (!filter.expires_before || (one.certificate && one.certificate->not_after < *filter.expires_before));
      if (!wanted) continue;
      ++shown;
      const bool needs = one.state.attention == plan::Attention::needed || filter.expires_before;
      if (needs) ++needing;
      if (needs || !only_findings)
        rows.add(one,
                 json && one.certificate ? places_showing(store, one.certificate->fingerprint) : std::vector<SeenAt>());
    }
  }
  std::size_t others = 0;
  std::size_t ending = 0;
  if (seen)
    inventory::Certificates(store).each(filter, [&](const CertificateRecord& record) {
      if (in_use.contains(record.fingerprint) || (!managed && record.managed)) return;
      ++others;
      // What ended and is no longer served is there with --all alone.
      const bool is_finding = filter.expires_before || (!all && record.not_after <= now);
      if (is_finding) ++ending;
      if (is_finding || !only_findings) rows.add(record, places_showing(store, record.fingerprint));
    });
  rows.finish(authorities, all_managed.problems);
  if (context.output == Output::text) {
    warn_of(all_managed.problems);
    warn_of_not_read(host);
  }
  if (context.output == Output::text && !context.quiet) {
    if (shown + others == 0)
      note(filter.expires_before || !filter.name.empty() || !filter.environment.empty() || !filter.issuer.empty()
               ? "nothing is like that\n"
               : "nothing is managed yet; `everseal issue` begins, `everseal list --all` shows what was seen\n");
    else if (needing > 0 && !filter.expires_before)
      note(fmt::format("{} of {} need{} attention\n", needing, shown, needing == 1 ? "s" : ""));
  }
  // What a broken config may hide, no row shows.
  const bool findings = needing > 0 || !all_managed.problems.empty() || ending > 0;
  return arguments.has("check") && findings ? kFindings : 0;
}

}  // namespace

extern const Command list_command;
const Command list_command{
    "list",
    Group::inventory,
    "list what is managed, the worst first",
    "STATE is expired, revoked, needs_operator, failing, misconfigured (its table in the config is wrong), pending\n"
    "(nothing was issued yet), unverified (in place, and nothing proved that it is served), orphaned (no longer in\n"
    "the config), once (nothing renews it) or live. WHY says more. An authority here has a row where it needs\n"
    "somebody: its CRL ended, its key is gone, it cannot sign. For monitoring: --check exits with 3 where\n"
    "something needs attention or the config is wrong, and with --quiet only that is shown.\n\n"
    "  everseal list\n"
    "  everseal list --check --quiet\n"
    "  everseal list --expiring 30d --json\n"
    "  everseal list --name '*.example.org' --all\n"
    "  everseal list --seen               with the places that show it\n"
    "  everseal list --as-of 2026-06-30",
    kListArguments,
    run_list};

}  // namespace everseal::cli
