#include "reconcile/verbs/init.h"

#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"
#include "inventory/store.h"
#include "reconcile/access.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

constexpr std::string_view kSampleState = "#state = \"/var/lib/everseal\"\n";

// The state that was chosen today is the one that later runs find.
std::string sample_for(const std::string& state, std::string_view sample) {
  const std::string line = fmt::format("state = {}\n", base::json_string(state));
  std::string text(sample);
  const auto at = text.find(kSampleState);
  if (at == std::string::npos) return line + text;
  if (!kSampleState.ends_with(line)) text.replace(at, kSampleState.size(), line);
  return text;
}

Outcome make_config(const std::string& file, const std::string& text) {
  Outcome outcome{
      "config", {}, "init", Result::done, fmt::format("{} exists and stays as it is", base::printable(file))};
  if (std::filesystem::exists(file)) return outcome;
  base::Directory::create(std::filesystem::path(file).parent_path().string(), 0755);
  base::write_file(file, base::as_bytes(text), {.user = {}, .group = {}, .mode = 0644});
  outcome.facts.files = {file};
  outcome.text = fmt::format("wrote {}, where every option is explained", base::printable(file));
  return outcome;
}

}  // namespace

Verdict init(const Host& host, const InitRequest& request) {
  Verdict verdict;
  create_store(host);
  verdict.outcomes.push_back({"state", {}, "init", Result::done, base::printable(host.state), {.files = {host.state}}});
  if (host.files.main)
    verdict.outcomes.push_back(make_config(*host.files.main, sample_for(host.state, request.sample_config)));
  return verdict;
}

const Verb init_verb{"init", 1,      Needs::store, "make the state directory, its database and a commented config",
                     {},     nullptr};

}  // namespace everseal::reconcile
