#include "config/found_file.h"

#include "base/encoding.h"
#include "base/text.h"
#include "config/fragment_file.h"
#include "config/toml.h"
#include "pki/digest.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

namespace everseal::config {
namespace {

constexpr std::string_view kMarker = "#: ";
constexpr std::size_t kDigits = 12;

std::string digest_of(std::string_view text) {
  return base::hex(pki::sha256(base::as_bytes(base::trim(text)))).substr(0, kDigits);
}

// What stands below one marker. `name` is what the table was called when it was written.
struct Block {
  std::string digest, name, key;
  std::string text;  // behind the marker's line

  bool is_untouched() const { return digest == digest_of(text); }
  std::string table() const { return dotted(key.substr(0, key.find(' ')), name); }
};

// "#: 9c2f41d07a3b shop endpoint 127.0.0.1:443 as shop.example.org"
std::optional<Block> marker(std::string_view line) {
  if (!line.starts_with(kMarker)) return std::nullopt;
  const std::string_view rest = line.substr(kMarker.size());
  const auto first = rest.find(' ');
  const auto second = rest.find(' ', first + 1);
  if (first != kDigits || second == std::string_view::npos) return std::nullopt;
  return Block{.digest = std::string(rest.substr(0, first)),
               .name = std::string(rest.substr(first + 1, second - first - 1)),
               .key = std::string(rest.substr(second + 1)),
               .text = {}};
}

struct Layout {
  std::string head;  // before the first block
  std::vector<Block> blocks;
};

Layout layout_of(const std::string& text) {
  Layout layout;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (auto block = marker(base::trim(line)))
      layout.blocks.push_back(*std::move(block));
    else
      (layout.blocks.empty() ? layout.head : layout.blocks.back().text) += line;
    at = end;
  }
  return layout;
}

std::string text_of(const Layout& layout) {
  std::string text = layout.head;
  for (const Block& block : layout.blocks) {
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += fmt::format("{}{} {} {}\n{}", kMarker, block.digest, block.name, block.key, block.text);
  }
  return text;
}

Block block_of(const FoundTable& table, const std::string& name) {
  Block block{.digest = {}, .name = name, .key = base::printable(table.key), .text = {}};
  const std::string toml = to_toml(Fragment{table.family, Name::parse(name), table.options});
  block.text = fmt::format("# {}\n", base::printable(table.comment));
  block.text += table.stands == FoundTable::Stands::in_force ? toml : commented(toml).substr(1);
  block.text += '\n';
  block.digest = digest_of(block.text);
  return block;
}

// "family name" of each table that a file of the config has.
using Taken = std::set<std::string>;

void take_names(const Source& source, Taken& taken) {
  base::Problems ignored;
  const auto root = read_toml(source, ignored);
  if (!root) return;
  for (const auto& [family, section] : *root)
    if (const auto* const tables = std::get_if<base::Table>(&section.data))
      for (const auto& [name, table] : *tables) taken.insert(fmt::format("{} {}", family, name));
}

std::string free_name(const FoundTable& table, const std::string& source, Taken& taken) {
  const std::string wanted = Name::made_of(table.proposed).text();
  const auto with = [&](const std::string& end) { return wanted.substr(0, Name::kLongest - end.size()) + end; };
  std::string name = wanted;
  for (int i = 1; taken.contains(fmt::format("{} {}", table.family, name)); ++i)
    name = with(i == 1 ? "-" + source : fmt::format("-{}-{}", source, i));
  taken.insert(fmt::format("{} {}", table.family, name));
  return name;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines = base::split(text, '\n');
  std::erase(lines, std::string());
  return lines;
}

// The lines that one of them has and the other does not.
std::string difference(const std::string& before, const std::string& after) {
  const auto was = lines_of(before), is = lines_of(after);
  std::vector<std::string> parts;
  for (const std::string& line : is)
    if (std::ranges::find(was, line) == was.end()) parts.push_back(line);
  for (const std::string& line : was)
    if (std::ranges::find(is, line) == is.end()) parts.push_back("no longer " + line);
  return base::printable(base::join(parts, "; "));
}

constexpr std::string_view kHead =
    "# Written by `everseal discover --save`: what was found on this host. A table that is changed here is yours, and "
    "is\n"
    "# never touched again; one that was not is kept as what is found. Lines behind '#' are proposals.\n\n";

}  // namespace

FoundPlan plan_found(const Files& files, const std::string& source, const std::vector<FoundTable>& tables,
                     const Kinds& kinds, const std::function<bool(const std::string& key)>& was_looked_for) {
  FoundPlan plan;
  plan.source = source;
  plan.path = path_of(files, {"found", Name::parse(source), {}});
  const Sources present = read_each(files);
  Taken taken;
  for (const Source& one : present.files) {
    take_names(one, taken);
    if (one.path == plan.path) plan.before = one.text;
  }
  Layout layout = layout_of(plan.before);
  if (plan.before.empty()) layout.head = kHead;
  for (const Block& block : layout.blocks) taken.insert(block.key.substr(0, block.key.find(' ') + 1) + block.name);

  std::map<std::string, const FoundTable*> wanted;
  for (const FoundTable& table : tables) wanted.emplace(base::printable(table.key), &table);
  std::vector<Block> blocks;
  std::vector<FoundChange> gone;
  for (Block& block : layout.blocks) {
    const auto found = wanted.find(block.key);
    if (!block.is_untouched()) {
      plan.changes.push_back(
          {FoundChange::Kind::kept, block.table(), block.key,
           found == wanted.end() ? "it was changed by hand, and is not found any more" : "it was changed by hand"});
    } else if (found == wanted.end() && was_looked_for && !was_looked_for(block.key)) {
      ++plan.unsure;
    } else if (found == wanted.end()) {
      gone.push_back({FoundChange::Kind::gone, block.table(), block.key,
                      "it is not found any more, or the config watches it elsewhere"});
      continue;
    } else if (Block now = block_of(*found->second, block.name); base::trim(now.text) != base::trim(block.text)) {
      plan.changes.push_back({FoundChange::Kind::changed, block.table(), block.key, difference(block.text, now.text)});
      block = std::move(now);
    }
    if (found != wanted.end()) wanted.erase(found);
    blocks.push_back(std::move(block));
  }
  for (const FoundTable& table : tables) {
    const auto left = wanted.find(base::printable(table.key));
    if (left == wanted.end()) continue;
    wanted.erase(left);
    Block block = block_of(table, free_name(table, source, taken));
    plan.changes.push_back({FoundChange::Kind::appeared, block.table(), block.key, base::printable(table.comment)});
    blocks.push_back(std::move(block));
  }
  std::ranges::move(gone, std::back_inserter(plan.changes));
  layout.blocks = std::move(blocks);
  const bool is_same = std::ranges::all_of(
      plan.changes, [](const FoundChange& change) { return change.kind == FoundChange::Kind::kept; });
  plan.after = is_same ? plan.before : text_of(layout);
  if (plan.after == plan.before) return plan;
  std::vector<Source> sources = present.files;
  std::erase_if(sources, [&](const Source& one) { return one.path == plan.path; });
  sources.push_back({plan.path, plan.after});
  require_no_new_problem(present, sources, kinds);
  return plan;
}

void write_found(const Files& files, const FoundPlan& plan) {
  if (plan.after == plan.before) return;
  put(files, {"found", Name::parse(plan.source), {}}, plan.before, plan.after);
}

}  // namespace everseal::config
