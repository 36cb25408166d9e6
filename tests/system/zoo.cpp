#include "system/zoo.h"

#include <doctest/doctest.h>

namespace everseal::system {

Rules rules_of(const Json& place) {
  Rules rules;
  for (const Json& finding : place["findings"])
    rules.insert(fmt::format("{} {}", finding["rule"].get<std::string>(), finding["severity"].get<std::string>()));
  return rules;
}

Rules faults_of(const Json& place) {
  Rules rules = rules_of(place);
  for (const char* const notice : {"no-post-quantum notice", "no-resumption notice", "default-certificate notice"})
    rules.erase(notice);
  return rules;
}

std::string text_of(const Rules& rules) {
  std::string text;
  for (const std::string& rule : rules) text += "[" + rule + "] ";
  return text;
}

void Zoo::add(const std::string& name, const std::string& target, const std::string& starttls,
              const std::string& more) {
  REQUIRE(names_.emplace(target, name).second);
  tables_ += fmt::format("[endpoint.{}]\ntargets = [\"{}\"]\nsni = \"{}\"\n{}{}", name, target, kServed,
                         starttls.empty() ? "" : fmt::format("starttls = \"{}\"\n", starttls), more);
  if (more.find("environment") == std::string::npos) tables_ += "environment = \"inside\"\n";
}

void Zoo::add(const std::string& name, const StarttlsServer& server) {
  server.wait();
  for (const Listener& listener : server.listeners())
    add(fmt::format("{}-{}", name, listener.protocol), listener.port, listener.protocol);
}

std::map<std::string, Json> Zoo::look(const Words& words) const {
  mint_.site.configure(fmt::format("[environment.inside]\ntrust = [\"{0}\"]\n"
                                   "[environment.web]\ntrust = [\"system\"]\n"
                                   "[environment.nist]\npolicy = \"nist\"\ntrust = [\"{0}\"]\n"
                                   "[environment.modern]\npolicy = \"modern\"\ntrust = [\"{0}\"]\n",
                                   mint_.root_file()) +
                       tables_);
  Words all{"audit", "--json", "--timeout", "3s"};
  all.insert(all.end(), words.begin(), words.end());
  const base::Exit exit = mint_.site.everseal(all, {.environment = {{"SSL_CERT_FILE", mint_.root_file()}}});
  const Json report = Json::parse(exit.output, nullptr, false);
  REQUIRE_MESSAGE(report.is_object(), transcript(exit));
  REQUIRE_MESSAGE(report.contains("places"), transcript(exit));
  std::map<std::string, Json> places;
  for (const Json& place : report["places"]) {
    const std::string said = place["name"].get<std::string>();
    const auto found = names_.find(said.substr(0, said.find(" as ")));
    REQUIRE_MESSAGE(found != names_.end(), said);
    CHECK_MESSAGE(places.emplace(found->second, place).second, said);
  }
  CHECK(places.size() == names_.size());
  return places;
}

test::SslContext context_of(const std::string& directory) {
  test::SslContext context(SSL_CTX_new(TLS_server_method()));
  REQUIRE(SSL_CTX_use_certificate_chain_file(context.get(), (directory + "/fullchain.pem").c_str()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey_file(context.get(), (directory + "/privkey.pem").c_str(), SSL_FILETYPE_PEM) == 1);
  return context;
}

}  // namespace everseal::system
