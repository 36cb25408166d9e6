#include "discover/servers/statements.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

constexpr std::size_t kDeepestInclude = 16;
constexpr std::size_t kMostFiles = 10'000;
constexpr std::size_t kMostStatements = 1'000'000;
constexpr std::size_t kDeepestBlock = 100;

}  // namespace

bool Statement::has(std::string_view word) const { return std::ranges::find(words, word) != words.end(); }

std::string_view Statement::after(std::string_view word) const {
  const auto at = std::ranges::find(words, word);
  return at == words.end() || at + 1 == words.end() ? std::string_view() : std::string_view(*(at + 1));
}

void Statements::trouble(Reason reason, int line, const std::string& what) {
  constexpr std::size_t kMostTroubles = 100;
  if (troubles.size() < kMostTroubles) troubles.push_back({{file_, line}, reason, base::printable(what)});
}

bool Statements::has_room(int line) {
  if (all.size() < kMostStatements) return true;
  if (!std::exchange(is_full_, true))
    trouble(Reason::too_large, line, fmt::format("more than {} statements", kMostStatements));
  return false;
}

void Statements::read_text(std::string_view text) {
  const std::size_t outer = std::exchange(base_, open_.size());
  parse_(text, *this);
  passed_over_ = 0;
  while (open_.size() > base_) {
    trouble(Reason::broken, all[open_.back()].where.line, "the block is never closed");
    all[open_.back()].end = all.size();
    open_.pop_back();
  }
  base_ = outer;
}

void Statements::read_file(const std::string& path) {
  const std::string outer = file_;
  try {
    const std::string text = host_->load(path);
    file_ = path;
    files.push_back(path);
    within_.push_back(path);
    read_text(text);
    within_.pop_back();
    file_ = outer;
  } catch (const base::Error& error) {
    file_ = path;
    trouble(error.fault() == base::Fault::not_found ? Reason::not_found : Reason::unreadable, 0, error.message());
    file_ = outer;
  }
}

void Statements::include(const std::string& pattern, int line, Absent absent) {
  if (host_ == nullptr || pattern.empty() || passed_over_ > 0) return;
  const std::vector<std::string> paths =
      host_->matching(pattern, [&](const std::string& why) { trouble(Reason::unreadable, line, why); });
  if (paths.empty() && absent == Absent::is_trouble && pattern.find_first_of("*?[") == std::string::npos)
    trouble(Reason::not_found, line, fmt::format("{} is not there", pattern));
  for (const std::string& path : paths) {
    if (!has_room(line)) return;
    if (std::ranges::find(within_, path) != within_.end()) {
      trouble(Reason::broken, line, fmt::format("{} includes itself", path));
    } else if (within_.size() >= kDeepestInclude) {
      trouble(Reason::too_deep, line, fmt::format("files are included more than {} levels deep", kDeepestInclude));
    } else if (files.size() >= kMostFiles) {
      if (!std::exchange(is_full_, true))
        trouble(Reason::too_many_files, line, fmt::format("more than {} files are included", kMostFiles));
    } else {
      read_file(path);
    }
  }
}

void Statements::add(std::vector<std::string> words, int line) {
  if (words.empty() || passed_over_ > 0 || !has_room(line)) return;
  all.push_back({std::move(words), {file_, line}, line, false, all.size() + 1});
}

void Statements::open(std::vector<std::string> words, int line) {
  if (words.empty()) words.emplace_back();
  if (open_.size() >= kDeepestBlock) {
    if (passed_over_++ == 0) trouble(Reason::too_deep, line, "blocks are nested too deeply");
    return;
  }
  if (!has_room(line)) return;
  open_.push_back(all.size());
  all.push_back({std::move(words), {file_, line}, 0, true, 0});
}

void Statements::close(int line) {
  if (passed_over_ > 0) {
    --passed_over_;
    return;
  }
  if (open_.size() <= base_) return;
  all[open_.back()].end = all.size();
  all[open_.back()].last_line = line;
  open_.pop_back();
}

void for_each_in(const std::vector<Statement>& all, std::size_t index, const std::function<void(std::size_t)>& see) {
  const std::size_t end = index == kTop ? all.size() : all[index].end;
  for (std::size_t i = index == kTop ? 0 : index + 1; i < end; i = all[i].end) see(i);
}

std::string path_below(std::string_view directory, std::string_view path) {
  if (path.empty() || path.find_first_of("$%") != std::string_view::npos || base::has_nul(path)) return {};
  if (path.starts_with('/')) return std::filesystem::path(path).lexically_normal().string();
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

}  // namespace everseal::discover
