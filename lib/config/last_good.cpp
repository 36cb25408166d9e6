#include "config/last_good.h"

#include "base/encoding.h"
#include "config/parse.h"
#include "config/tables.h"
#include "config/toml.h"
#include "pki/digest.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace everseal::config {
namespace {

using base::Problems;
using base::Table;
using base::Value;

std::string digest_of(const Source& source) { return base::hex(pki::sha256(base::as_bytes(source.text))); }

bool is_settings(std::string_view key) { return key != "config_version" && key != kCertificates; }

std::string settings_of(const Table& file) {
  std::string text;
  for (const auto& [key, value] : file) {
    const auto* const table = std::get_if<Table>(&value.data);
    if (!is_settings(key) || (table != nullptr && table->empty())) continue;
    append_toml_key(text, key);
    text += " = ";
    append_toml_value(text, value);
    text += '\n';
  }
  return text;
}

Table remembered(const std::string& path, const std::string& settings) {
  Problems ignored;
  return read_toml({path, settings}, ignored).value_or(Table());
}

// "issuer/le" for each named table of the settings, "keep" for each key of the root.
std::map<std::string, std::string> texts_of(const Table& settings) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : settings) {
    const auto* const named = std::get_if<Table>(&value.data);
    if (named == nullptr) {
      append_toml_value(texts[key], value);
      continue;
    }
    for (const auto& [name, table] : *named) append_toml_value(texts[subject_of(key, name)], table);
  }
  return texts;
}

// What is wrong goes, and what is remembered of it comes instead.
void stand_in(Table& file, const std::set<std::string>& wrong, const Table& before) {
  std::erase_if(file, [&](auto& entry) {
    auto& [key, value] = entry;
    if (!is_settings(key)) return false;
    const Value* const former = base::find(before, key);
    auto* const named = std::get_if<Table>(&value.data);
    if (named == nullptr) {
      if (!wrong.contains(key)) return false;
      if (former != nullptr) value.data = former->data;
      return former == nullptr;
    }
    const auto* const former_named = former == nullptr ? nullptr : std::get_if<Table>(&former->data);
    std::erase_if(*named, [&](auto& one) {
      if (!wrong.contains(subject_of(key, one.first))) return false;
      const Value* const good = former_named == nullptr ? nullptr : base::find(*former_named, one.first);
      if (good != nullptr) one.second = *good;
      return good == nullptr;
    });
    return false;
  });
}

class Loading {
 public:
  Loading(const Files& files, const Sources& sources, const Memory& before, const Kinds& kinds, Extent extent)
      : files_(files), sources_(sources), before_(before), kinds_(kinds), extent_(extent) {}

  Loaded run() {
    Problems problems;
    std::vector<FileTables> tables = collect(problems);
    Config config = read_tables(std::move(tables), kinds_, problems, References::checked, unparsed_);
    for (const auto& [path, problem] : sources_.unread) problems.push_back(problem);
    const std::set<std::string> wrong = subjects(problems);
    const bool settings_are_wrong =
        std::ranges::any_of(wrong, [](const std::string& subject) { return !is_certificate(subject); });
    std::map<Name, Authority> as_read;
    if (settings_are_wrong) {
      as_read = std::move(config.authorities);
      config = with_stand_ins(wrong);
    }

    for (const auto& problem : problems) {
      if (is_certificate(problem.subject))
        drop_certificate(problem.subject, config);
      else if (wrong.contains(problem.subject) && !contains(config, problem.subject))
        config.unusable.try_emplace(problem.subject, to_string(problem));
    }
    for (auto& [name, authority] : as_read)
      if (config.unusable.contains(subject_of("authority", name.text())))
        config.authorities.try_emplace(name, std::move(authority));
    loaded_.certificates = std::move(config.certificates);
    config.never_read = std::move(never_read_);
    loaded_.unparsed = std::move(unparsed_);
    loaded_.settings = std::move(config);
    remember(problems);
    sort_by_place(problems, sources_.files);
    loaded_.problems = std::move(problems);
    return std::move(loaded_);
  }

 private:
  // The tables to read, each file's own or what stands in for it. Called once more where some of them are wrong.
  std::vector<FileTables> collect(Problems& problems) {
    std::vector<FileTables> tables;
    unparsed_ = {};
    never_read_ = {};
    for (const Source& source : sources_.files) {
      const LastGood* const known = known_of(source.path);
      if (is_passed_over(source, known)) continue;
      const std::size_t before = problems.size();
      if (auto table = read_file(source, problems)) {
        settings_[source.path] = settings_of(*table);
        loaded_.parsed.insert(source.path);
        tables.push_back({source.path, std::move(*table)});
      } else {
        unparsed_.files.push_back({problems[before], source.text});
        if (known == nullptr) never_read_.files.push_back(unparsed_.files.back());
        take_remembered(source.path, tables);
      }
    }
    for (const auto& [path, problem] : sources_.unread) {
      unparsed_.files.push_back({problem, std::nullopt});
      if (path.ends_with('/')) {
        for (const auto& [known, good] : before_)
          if (known.starts_with(path)) take_remembered(known, tables);
      } else {
        take_remembered(path, tables);
        if (known_of(path) == nullptr) never_read_.files.push_back(unparsed_.files.back());
      }
    }
    return tables;
  }

  const LastGood* known_of(const std::string& path) const {
    const auto found = before_.find(path);
    return found == before_.end() ? nullptr : &found->second;
  }

  bool is_passed_over(const Source& source, const LastGood* known) const {
    if (extent_ == Extent::all) return false;
    if (extent_ == Extent::settings) return known == nullptr || known->settings.empty();
    return known != nullptr && known->settings.empty() && known->digest == digest_of(source);
  }

  void take_remembered(const std::string& path, std::vector<FileTables>& tables) {
    const LastGood* const known = known_of(path);
    if (known == nullptr) {
      if (files_.main && path == absolute(*files_.main)) loaded_.usable = false;
      return;
    }
    settings_[path] = known->settings;
    if (!known->settings.empty()) tables.push_back({path, remembered(path, known->settings)});
  }

  static std::set<std::string> subjects(const Problems& problems) {
    std::set<std::string> wrong;
    for (const base::Problem& problem : problems) {
      if (!problem.subject.empty())
        wrong.insert(problem.subject);
      else if (is_declared(problem.key, declared(Section::root)))
        wrong.insert(problem.key);
    }
    return wrong;
  }

  Config with_stand_ins(const std::set<std::string>& wrong) {
    Problems problems;
    std::vector<FileTables> tables = collect(problems);
    for (FileTables& file : tables) {
      if (!loaded_.parsed.contains(file.path)) continue;
      const LastGood* const known = known_of(file.path);
      stand_in(file.table, wrong, known == nullptr ? Table() : remembered(file.path, known->settings));
      settings_[file.path] = settings_of(file.table);
    }
    problems.clear();
    Config config = read_tables(std::move(tables), kinds_, problems, References::checked, unparsed_);
    for (const std::string& subject : subjects(problems))
      if (!is_certificate(subject)) erase(config, subject);
    return config;
  }

  void drop_certificate(const std::string& subject, Config& config) {
    const std::string name = subject.substr(subject.find('/') + 1);
    if (!Name::is_valid(name)) return;
    const Name broken = Name::parse(name);
    config.certificates.erase(broken);
    loaded_.broken.insert(broken);
  }

  void remember(const Problems& problems) {
    std::set<std::string_view> troubled;
    for (const base::Problem& problem : problems) troubled.insert(problem.origin.file);
    for (const Source& source : sources_.files) {
      const auto read = settings_.find(source.path);
      if (read == settings_.end()) {
        if (const LastGood* const known = known_of(source.path)) loaded_.memory.emplace(source.path, *known);
        continue;
      }
      const bool good = loaded_.parsed.contains(source.path) && !troubled.contains(source.path);
      loaded_.memory.insert_or_assign(source.path, LastGood{good ? digest_of(source) : std::string(), read->second});
    }
    for (const auto& [path, problem] : sources_.unread)
      for (const auto& [known, good] : before_)
        if (known == path || (path.ends_with('/') && known.starts_with(path)))
          loaded_.memory.insert_or_assign(known, LastGood{{}, good.settings});
  }

  const Files& files_;
  const Sources& sources_;
  const Memory& before_;
  const Kinds& kinds_;
  Extent extent_;
  Unparsed unparsed_;
  Unparsed never_read_;                          // of them, where nothing is remembered either
  std::map<std::string, std::string> settings_;  // of each file that is not passed over
  Loaded loaded_;
};

}  // namespace

Loaded load(const Files& files, const Sources& sources, const Memory& before, const Kinds& kinds, Extent extent) {
  return Loading(files, sources, before, kinds, extent).run();
}

std::set<std::string> changed_settings(const Memory& before, const Memory& after) {
  std::set<std::string> changed;
  const auto compare = [&](const Memory& these, const Memory& others) {
    for (const auto& [path, good] : these) {
      const auto other = others.find(path);
      const std::string& settings = other == others.end() ? std::string() : other->second.settings;
      if (settings == good.settings) continue;
      const auto there = texts_of(remembered(path, settings));
      for (const auto& [subject, text] : texts_of(remembered(path, good.settings))) {
        const auto found = there.find(subject);
        if (found == there.end() || found->second != text) changed.insert(subject);
      }
    }
  };
  compare(before, after);
  compare(after, before);
  return changed;
}

}  // namespace everseal::config
