#include "inspect/tree.h"

#include "audit_surroundings.h"
#include "base/error.h"
#include "base/text.h"
#include "discover/walk.h"
#include "inspect/known.h"
#include "inspect/show.h"
#include "report/audited.h"
#include "scan/sights.h"
#include "show_rows.h"
#include "terminal.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <sys/stat.h>

namespace everseal::cli {
namespace {

using base::Error;
using base::Fault;

struct TreeFile {
  std::string path;
  std::string_view container;
  bool is_trust_store = false;
  bool has_key = false;
  scan::Judged judged;
  std::optional<KnownVersion> managed;

  // That the file is there for: the leaf, else what ends first.
  const pki::Certificate* main() const {
    if (!judged.leaves.empty()) return &judged.leaves.front();
    if (!judged.certificates || judged.certificates->empty()) return nullptr;
    return &*std::ranges::min_element(*judged.certificates, {}, &pki::Certificate::not_after);
  }
};

struct Tree {
  std::string root;
  std::vector<TreeFile> files;
  discover::Summary summary;
};

Tree walk_tree(const Context& context, const std::string& what, Surroundings& around, scan::Standard& standard,
               const std::string& state, base::Time now) {
  Tree tree;
  tree.root = std::filesystem::absolute(what).lexically_normal().string();
  discover::Walk walk;
  walk.roots = {tree.root};
  walk.links = discover::Links::follow;
  discover::Passwords passwords;
  if (const auto file = context.arguments.one("password-file")) passwords = discover::Passwords::read(*file);
  tree.summary = discover::walk(
      walk, passwords,
      [&](discover::File&& file) {
        if (file.certificates.empty() && file.troubles.empty()) return;
        TreeFile one{.path = file.path,
                     .container = to_string(file.container),
                     .is_trust_store = file.is_trust_store,
                     .has_key = !file.keys.empty(),
                     .judged = scan::judge_file(file, base::printable(file.path), standard, nullptr, now,
                                                [](const pki::Certificate&) { return audit::Stored(); }),
                     .managed = std::nullopt};
        if (around.store && !one.judged.leaves.empty())
          one.managed = known_of(*around.store, state, one.judged.leaves.front(), {}).served;
        tree.files.push_back(std::move(one));
      },
      context.stop);
  if (context.stop.stop_requested())
    throw Error(Fault::cancelled, fmt::format("stopped while looking through {}", what));
  std::ranges::sort(tree.files, {}, &TreeFile::path);
  return tree;
}

std::string held_in(const TreeFile& file) {
  const pki::Certificate* const main = file.main();
  if (main == nullptr) return "-";
  const auto count = file.judged.certificates->size();
  if (file.judged.leaves.empty())
    return count == 1 ? fmt::format("CA {}", report::short_name(main->subject().raw()))
                      : fmt::format("{} CA certificates", count);
  std::string text = report::short_name(main->subject().raw());
  if (text.empty() && !main->names().empty()) text = main->names().front().value.raw();
  if (file.judged.leaves.size() > 1) text += fmt::format(" and {} more", file.judged.leaves.size() - 1);
  return text;
}

report::Cell wrong_in(const TreeFile& file) {
  std::string text;
  report::Tone tone = report::Tone::plain;
  for (const audit::Finding& one : file.judged.findings) {
    if (one.severity < audit::Severity::warning) continue;
    if (text.empty()) tone = report::tone_of(audit::to_string(one.severity));
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", audit::to_string(one.severity), one.what.raw());
  }
  return {report::Cell(text), tone};
}

constexpr report::Column kColumns[] = {
    {.key = "path", .title = "FILE", .narrow = report::Narrow::keep},
    {.key = "holds", .title = "HOLDS"},
    {.key = "key", .title = "KEY", .goes = 2},
    {.key = "left", .title = "ENDS"},
    {.key = "managed", .title = "MANAGED", .goes = 1},
    {.key = "wrong", .title = "WHAT IS WRONG", .narrow = report::Narrow::wrap},
};

std::string summary_of(const Tree& tree) {
  const discover::Summary& seen = tree.summary;
  std::string text =
      fmt::format("{} in {}; {} of them hold certificates.",
                  report::counted(static_cast<std::int64_t>(seen.files), "file", "files"),
                  report::counted(static_cast<std::int64_t>(seen.directories), "directory", "directories"),
                  std::ranges::count_if(tree.files, [](const TreeFile& one) { return one.main() != nullptr; }));
  if (const std::string passed = discover::passed_over(seen); !passed.empty())
    text += fmt::format(" Passed over: {}.", passed);
  if (!seen.is_whole) text += " The limit of files was reached: not all was looked at.";
  return text;
}

void print_tree(const Context& context, const Tree& tree, base::Time now) {
  const std::string prefix = tree.root.ends_with('/') ? tree.root : tree.root + "/";
  if (!tree.files.empty()) {
    const auto sink = open_sink(context);
    sink->begin("files", kColumns);
    for (const TreeFile& file : tree.files) {
      const pki::Certificate* const main = file.main();
      const std::string path = file.path.starts_with(prefix) ? file.path.substr(prefix.size()) : file.path;
      const report::Cell cells[] = {
          path,
          held_in(file),
          file.has_key ? report::Cell("yes") : report::Cell(),
          main == nullptr ? report::Cell() : report::Cell(report::time_left(main->not_after(), now)),
          file.managed ? report::Cell(fmt::format("{} {}", file.managed->name.text(), file.managed->number))
                       : report::Cell(),
          wrong_in(file)};
      sink->row(cells);
    }
    sink->end();
  }
  note(flowed(fmt::format("{}: {}", base::printable(tree.root), summary_of(tree)), {0, 0}, Stream::errors) + "\n");
}

std::string tree_json(const Tree& tree, const std::vector<std::string>& remarks) {
  report::JsonWriter json(4);
  json.begin_object().key("directory").text(tree.root).key("files").begin_array();
  for (const TreeFile& file : tree.files) {
    json.begin_object().key("path").text(file.path).key("form").text(file.container);
    json.key("trust_store").boolean(file.is_trust_store).key("has_key").boolean(file.has_key);
    json.key("managed");
    file.managed ? json.text(file.managed->name.text()) : json.null();
    json.key("version").value(file.managed ? std::optional(std::int64_t{file.managed->number}) : std::nullopt);
    json.key("certificates").begin_array();
    for (const pki::Certificate& one : file.judged.certificates.value_or(std::vector<pki::Certificate>())) {
      json.begin_object();
      write_certificate(json, one);
      json.end_object();
    }
    json.end_array().key("findings").begin_array();
    for (const audit::Finding& one : file.judged.findings) {
      json.begin_object();
      write_finding(json, one);
      json.end_object();
    }
    json.end_array().end_object();
  }
  const discover::Summary& seen = tree.summary;
  json.end_array().key("looked").begin_object();
  json.key("files").number(static_cast<std::int64_t>(seen.files));
  json.key("directories").number(static_cast<std::int64_t>(seen.directories));
  json.key("links_passed_over").number(static_cast<std::int64_t>(seen.links));
  json.key("other_devices_passed_over").number(static_cast<std::int64_t>(seen.other_devices));
  json.key("whole").boolean(seen.is_whole).end_object();
  json.key("remarks").texts(remarks).end_object();
  return json.written();
}

}  // namespace

bool is_tree(const std::string& what) {
  struct stat status {};
  return ::stat(what.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

int inspect_tree(const Context& context, const std::string& what) {
  const audit::Severity from = fail_on(context);
  const reconcile::Host host = context.host();
  std::vector<std::string> remarks;
  Surroundings around = what_is_known(host, remarks);
  const base::Time now = host.clock();
  scan::Standards standards = standards_of(context, around, now);
  const std::string environment = context.arguments.one("env").value_or("");
  const Tree tree = walk_tree(context, what, around, standards.of(environment), host.state, now);
  if (context.output == Output::json) {
    print_document(tree_json(tree, remarks));
  } else {
    print_tree(context, tree, now);
    for (const std::string& remark : remarks) note(flowed(remark, {0, 0}, Stream::errors) + "\n");
  }
  LookCounts counts;
  for (const TreeFile& file : tree.files) {
    ++counts.looked;
    counts.failed += file.judged.is_whole ? 0 : 1;
    counts.has_finding = counts.has_finding || std::ranges::any_of(file.judged.findings, [&](const auto& one) {
                           return one.rule->nature == audit::Nature::fault && one.severity >= from;
                         });
  }
  counts.not_looked = tree.summary.is_whole ? 0 : 1;
  return exit_code_of(counts);
}

}  // namespace everseal::cli
