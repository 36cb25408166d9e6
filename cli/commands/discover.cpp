#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "config_problems.h"
#include "report/audited.h"
#include "report/json.h"
#include "save_found.h"
#include "scan/targets.h"
#include "show_rows.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kDiscoverArguments[] = {
    {.name = "PATH", .summary = "files and directories to look through", .type = ArgumentType::values},
    {.name = "--from",
     .summary =
         "nginx, apache, haproxy, postfix, dovecot or postgresql, KIND=FILE where its config lies elsewhere; without "
         "it and PATH all of this host",
     .type = ArgumentType::values,
     .value = "KIND"},
    {.name = "--save",
     .summary = "write tables of what was found to conf.d, one file a source; what was written by hand stays",
     .type = ArgumentType::flag},
    {.name = "--env", .summary = "environment of what is found", .value = "ENV"},
    {.name = "--password-file", .summary = "passwords of what is encrypted, one a line", .value = "FILE"},
};

using report::Align;
using report::Cell;
using report::Column;
using report::JsonWriter;
using report::Narrow;
using report::Tone;

constexpr Column kDiscoverColumns[] = {{"from", "FROM", Align::left, Narrow::keep},
                                       {"ends", "ENDS", Align::left, Narrow::keep},
                                       {"names", "NAMES", Align::left, Narrow::cut, 1},
                                       {"place", "PLACE", Align::left, Narrow::keep},
                                       {"note", "NOTE", Align::left, Narrow::wrap}};

constexpr std::size_t kNamesShown = 3;

scan::DiscoveryRequest request_of(const Arguments& arguments) {
  scan::DiscoveryRequest request;
  for (const std::string& text : arguments.all("PATH"))
    request.paths.push_back(std::filesystem::absolute(text).lexically_normal().string());
  if (arguments.has("from"))
    request.servers = servers_from(arguments);
  else if (request.paths.empty())
    request.servers = discover::find_servers(discover::HostFiles(request.root));
  if (const auto file = arguments.one("password-file")) request.passwords = discover::Passwords::read(*file);
  return request;
}

std::string some_of(std::vector<std::string> texts) {
  const std::size_t more = texts.size() > kNamesShown ? texts.size() - kNamesShown : 0;
  texts.resize(texts.size() - more);
  return base::printable(base::join(texts, ", ")) + (more > 0 ? fmt::format(" and {} more", more) : "");
}

// The certificate that a file is there for: its leaf, else what ends first.
const pki::Certificate* main_certificate(const discover::File& file) {
  const pki::Certificate* main = nullptr;
  for (const discover::FoundCertificate& found : file.certificates) {
    if (!found.certificate.is_ca()) return &found.certificate;
    if (main == nullptr || found.certificate.not_after() < main->not_after()) main = &found.certificate;
  }
  return main;
}

std::vector<std::string> names_of(const pki::Certificate& certificate) {
  std::vector<std::string> names;
  for (const pki::GeneralName& name : certificate.names()) names.push_back(name.value.raw());
  if (names.empty()) names.push_back(report::short_name(certificate.subject().raw()));
  return names;
}

class FoundRows {
 public:
  FoundRows(const Context& context, const scan::Discovery& found, base::Time now)
      : sink_(open_sink(context)), found_(found), now_(now) {
    sink_->begin("found", kDiscoverColumns);
  }

  void show() {
    for (const discover::Server& server : found_.servers) {
      for (const discover::Site& site : server.sites) add(server, site);
      for (const discover::ConfigTrouble& trouble : server.troubles)
        row(to_string(server.kind), nullptr, {}, fmt::format("{}:{}", trouble.where.file, trouble.where.line),
            fmt::format("{}: {}", to_string(trouble.reason), trouble.what), Tone::warning);
    }
    for (const discover::File& file : found_.files)
      if (!named_.contains(file.path)) add(file);
    sink_->end();
  }

 private:
  void add(const discover::Server& server, const discover::Site& site) {
    const pki::Certificate* certificate = nullptr;
    std::vector<std::string> notes;
    Tone tone = Tone::plain;
    for (const discover::NamedFile& named : site.files) {
      named_.insert(named.path);
      if (named.role != discover::Role::certificate && named.role != discover::Role::both) continue;
      notes.push_back(named.path);
      const discover::File* const file = found_.file(named.path);
      if (file == nullptr) continue;
      if (certificate == nullptr) certificate = main_certificate(*file);
      for (const discover::Trouble& trouble : file->troubles) {
        notes.push_back(fmt::format("{}: {}", to_string(trouble.reason), trouble.what));
        tone = Tone::warning;
      }
    }
    if (!site.upstreams.empty()) {
      notes.push_back(fmt::format("{} upstream{} without protection", site.upstreams.size(),
                                  site.upstreams.size() == 1 ? "" : "s"));
      tone = Tone::warning;
    }
    std::vector<std::string> places;
    for (const discover::Listener& listener : site.listeners) places.push_back(listener.address);
    if (places.empty()) places.push_back(fmt::format("{}:{}", site.where.file, site.where.line));
    row(to_string(server.kind), certificate, site.names, base::join(places, ", "), base::join(notes, "; "), tone);
  }

  void add(const discover::File& file) {
    std::vector<std::string> notes;
    Tone tone = Tone::plain;
    if (file.is_trust_store) notes.emplace_back("trust store");
    if (file.certificates.size() > 1) notes.push_back(fmt::format("{} certificates", file.certificates.size()));
    for (const discover::FoundCertificate& one : file.certificates)
      if (one.key == discover::KeyBeside::matches) {
        notes.emplace_back("with its key");
        break;
      }
    for (const discover::Trouble& trouble : file.troubles) {
      notes.push_back(fmt::format("{}: {}", to_string(trouble.reason), trouble.what));
      tone = Tone::warning;
    }
    row(to_string(file.container), main_certificate(file), {}, file.path, base::join(notes, "; "), tone);
  }

  void row(std::string_view from, const pki::Certificate* certificate, std::vector<std::string> names,
           const std::string& place, const std::string& note, Tone tone) {
    if (names.empty() && certificate != nullptr) names = names_of(*certificate);
    const bool is_over = certificate != nullptr && certificate->not_after() <= now_;
    const Cell end = certificate == nullptr ? Cell() : Cell(base::format_time(certificate->not_after()).substr(0, 10));
    const Cell cells[] = {from, Cell(end, is_over ? Tone::bad : Tone::plain),
                          names.empty() ? Cell() : Cell(some_of(names)), base::printable(place),
                          Cell(Cell(base::printable(note)), tone)};
    sink_->row(cells);
  }

  std::unique_ptr<report::Sink> sink_;
  const scan::Discovery& found_;
  base::Time now_;
  std::set<std::string> named_;
};

void write(JsonWriter& writer, const discover::Where& where) {
  writer.key("where").begin_object().key("file").text(where.file).key("line").number(where.line).end_object();
}

void write(JsonWriter& writer, const discover::Server& server) {
  writer.begin_object().key("kind").text(to_string(server.kind)).key("config").text(server.config);
  writer.key("sites").begin_array();
  for (const discover::Site& site : server.sites) {
    writer.begin_object();
    write(writer, site.where);
    writer.key("speaks_tls").boolean(site.speaks_tls).key("names").texts(site.names);
    writer.key("listeners").begin_array();
    for (const discover::Listener& one : site.listeners)
      writer.begin_object().key("address").text(one.address).key("starttls").text(one.starttls).end_object();
    writer.end_array().key("files").begin_array();
    for (const discover::NamedFile& one : site.files)
      writer.begin_object().key("path").text(one.path).key("role").text(to_string(one.role)).end_object();
    writer.end_array().key("upstreams").begin_array();
    for (const discover::WeakUpstream& one : site.upstreams)
      writer.begin_object()
          .key("peer")
          .text(one.peer)
          .key("weakness")
          .text(one.weakness == discover::Weakness::plain_text ? "plain_text" : "unverified")
          .end_object();
    writer.end_array().end_object();
  }
  writer.end_array().key("troubles").begin_array();
  for (const discover::ConfigTrouble& trouble : server.troubles) {
    writer.begin_object();
    write(writer, trouble.where);
    writer.key("reason").text(to_string(trouble.reason)).key("what").text(trouble.what).end_object();
  }
  writer.end_array().end_object();
}

void write(JsonWriter& writer, const discover::File& file) {
  writer.begin_object().key("path").text(file.path).key("container").text(to_string(file.container));
  writer.key("is_trust_store")
      .boolean(file.is_trust_store)
      .key("keys")
      .number(static_cast<std::int64_t>(file.keys.size()));
  writer.key("certificates").begin_array();
  for (const discover::FoundCertificate& found : file.certificates) {
    const pki::Certificate& certificate = found.certificate;
    std::vector<std::string> names;
    for (const pki::GeneralName& name : certificate.names()) names.push_back(name.value.raw());
    writer.begin_object().key("position").number(found.position);
    writer.key("entry").value(found.entry.raw().empty() ? Cell() : Cell(found.entry));
    writer.key("fingerprint").text(certificate.fingerprint().text()).key("serial").text(certificate.serial());
    writer.key("subject").text(certificate.subject()).key("issuer").text(certificate.issuer());
    writer.key("names").texts(names);
    writer.key("not_before").time(certificate.not_before()).key("not_after").time(certificate.not_after());
    writer.key("is_ca").boolean(certificate.is_ca()).key("key_beside").text(to_string(found.key)).end_object();
  }
  writer.end_array().key("troubles").begin_array();
  for (const discover::Trouble& trouble : file.troubles)
    writer.begin_object().key("reason").text(to_string(trouble.reason)).key("what").text(trouble.what).end_object();
  writer.end_array().end_object();
}

void print_json(const scan::Discovery& found, const std::vector<config::FoundPlan>& plans, bool saved) {
  JsonWriter writer;
  writer.begin_object().key("servers").begin_array();
  for (const discover::Server& server : found.servers) write(writer, server);
  writer.end_array().key("files").begin_array();
  for (const discover::File& file : found.files) write(writer, file);
  writer.end_array().key("is_whole").boolean(found.is_whole());
  writer.key("saved").boolean(saved).key("tables").begin_array();
  for (const config::FoundPlan& plan : plans)
    for (const config::FoundChange& change : plan.changes)
      writer.begin_object()
          .key("change")
          .text(to_string(change.kind))
          .key("table")
          .text(change.table)
          .key("file")
          .text(plan.path)
          .key("what")
          .text(change.text)
          .end_object();
  writer.end_array().end_object();
  print_document(writer.written());
}

std::int64_t changes_in(const std::vector<config::FoundPlan>& plans) {
  std::int64_t count = 0;
  for (const config::FoundPlan& plan : plans)
    count += std::ranges::count_if(
        plan.changes, [](const config::FoundChange& change) { return change.kind != config::FoundChange::Kind::kept; });
  return count;
}

int run_discover(Context& context) {
  const scan::DiscoveryRequest request = request_of(context.arguments);
  const std::string environment = context.arguments.one("env").value_or("");
  const bool save = context.arguments.has("save");
  const reconcile::Host host = context.host();
  Surroundings around = surroundings(host, sql::Access::read_write, false);
  base::within("--env", [&] { config::require_environment(around.config, environment); });
  const base::Time now = host.clock();
  const scan::Discovery found =
      scan::discover_host(request, around.store ? &*around.store : nullptr, now, context.stop);
  std::vector<std::string> away;
  if (around.store) away = scan::remember(*around.store, found, environment, now);
  std::vector<config::FoundPlan> plans;
  try {
    plans = plan_found_tables(host, around, found, environment, around.problems);
  } catch (const base::Error&) {
    // What could not be written is no matter where nobody asked for it.
    if (save) throw;
  }
  if (context.output == Output::json) {
    if (save) save_found_tables(context, host, plans);
    print_json(found, plans, save);
    return found.is_whole() ? 0 : kSomeNotLookedAt;
  }
  FoundRows(context, found, now).show();
  warn_of(around.problems);
  for (const std::string& one : away) note(one + "\n");
  if (save)
    save_found_tables(context, host, plans);
  else if (const auto changes = changes_in(plans); changes > 0 && !context.quiet)
    note(fmt::format("`everseal discover --save` writes {} table{} of it to conf.d\n", changes,
                     changes == 1 ? "" : "s"));
  if (!context.quiet && found.servers.empty() && found.files.empty()) note("nothing was found\n");
  if (const std::string passed = discover::passed_over(found.walked); !passed.empty() && !context.quiet)
    note(fmt::format("passed over: {}\n", passed));
  return found.is_whole() ? 0 : kSomeNotLookedAt;
}

}  // namespace

extern const Command discover_command;
const Command discover_command{
    "discover",
    Group::inventory,
    "find servers and certificates on this host",
    "Reads the configs of servers and the files that they name, or PATHs; asks no server and connects\n"
    "nowhere. Where there is a state, what was seen goes into the inventory (`everseal list --seen`).\n"
    "--save writes an [endpoint] for each listener that nothing watches yet, and, behind '#', a\n"
    "[certificate] for each certificate that is not kept alive from here. Said again, it shows what is\n"
    "new, gone and changed, and leaves alone what somebody changed.\n\n"
    "  everseal discover\n"
    "  everseal discover --from nginx --save\n"
    "  everseal discover /etc/ssl /srv/tls --json",
    kDiscoverArguments,
    run_discover};

}  // namespace everseal::cli
