// http-01 (RFC 8555 section 8.3): the answer lies at a URL of the name, served here or by a web server from its
// directory.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "challenge/challenge.h"

#include <utility>

#include <fmt/format.h>

namespace everseal::challenge {
namespace {

using base::OptionType;

constexpr base::Option kHttp01Options[] = {
    {.name = "port", .type = OptionType::port, .summary = "where the stand-alone answer listens", .fallback = "80"},
    {.name = "address", .type = OptionType::address, .summary = "its address; without it every one"},
    {.name = "webroot", .type = OptionType::directory, .summary = "directory of a web server that serves it instead"},
};

bool can_prove_http01(const acme::Authorization& authorization) { return !authorization.wildcard; }

class Http01 final : public Answerer {
 public:
  Http01(const base::Options& options, Responder& responder) : options_(options), responder_(responder) {}

  void present(std::span<const Task> tasks, std::stop_token) override {
    for (const Task& task : tasks) {
      const std::string& token = task.challenge.token;
      if (token.empty()) throw base::Error(base::Fault::invalid, "the CA gave no token for http-01");
      const std::string answer = acme::key_authorization(token, task.account.key);
      if (options_.has("webroot")) {
        write(token, answer);
      } else {
        const auto port = static_cast<std::uint16_t>(options_.integer("port"));
        holds_.push_back(responder_.serve_http(options_.string("address"), port, token, answer));
      }
    }
  }

  std::vector<std::string> clean_up() noexcept override {
    holds_.clear();
    std::vector<std::string> problems;
    for (const auto& [directory, token] : written_) {
      try {
        directory->remove(token);
      } catch (const base::Error& error) {
        problems.push_back(error.message());
      }
    }
    written_.clear();
    return problems;
  }

 private:
  // The directories may belong to others: nothing on the way is followed that they could lead elsewhere.
  void write(const std::string& token, const std::string& answer) {
    const std::string webroot = options_.string("webroot");
    const auto root = base::open_unled(webroot);
    if (!root)
      throw base::Error(base::Fault::config, fmt::format("the webroot {} does not exist", base::printable(webroot)),
                        "name the directory that the web server reads in `webroot`");
    const auto well_known = root->create_subdirectory(".well-known", 0755);
    auto directory = std::make_shared<base::Directory>(well_known.create_subdirectory("acme-challenge", 0755));
    written_.emplace_back(directory, token);
    directory->replace(token, base::as_bytes(answer), {.user = {}, .group = {}, .mode = 0644});
  }

  base::Options options_;
  Responder& responder_;
  std::vector<std::unique_ptr<Responder::Hold>> holds_;
  std::vector<std::pair<std::shared_ptr<base::Directory>, std::string>> written_;
};

std::unique_ptr<Answerer> open_http01(const Method& method, Responder& responder) {
  return std::make_unique<Http01>(method.options, responder);
}

}  // namespace

extern const Kind http01_kind;
const Kind http01_kind{"http-01",        "an answer at http://NAME/.well-known/acme-challenge/",
                       kHttp01Options,   NeedsProvider::no,
                       can_prove_http01, open_http01};

}  // namespace everseal::challenge
