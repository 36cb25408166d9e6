// A host of its own for one test: config, state and an authority "corp".
#pragma once

#include "cli/cli.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace everseal::test {

// No object in it has a key twice, of which a reader keeps the one that it likes.
inline nlohmann::json document_of(const std::string& text) {
  std::vector<std::set<std::string>> open;
  return nlohmann::json::parse(text, [&](int, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) open.emplace_back();
    if (event == Event::object_end) open.pop_back();
    if (event == Event::key) CHECK_MESSAGE(open.back().insert(parsed.get<std::string>()).second, parsed.dump());
    return true;
  });
}

class Host {
 public:
  explicit Host(Words init = {}) {
    init.insert(init.begin(), {"ca", "init", "corp", "--root-passphrase-file",
                               folder.write("root.passphrase", "correct horse\n", 0600)});
    run({"init"}, 0);
    run(std::move(init), 0);
  }

  Words command(Words words) const {
    words.insert(words.begin(), {"--config", folder.file("everseal.toml"), "--state", folder.file("state")});
    return words;
  }

  base::Exit run(Words words, int status, const std::string& input = {}) const {
    base::Exit exit = run_everseal(command(std::move(words)), input);
    REQUIRE_MESSAGE(exit.status == status, base::describe(exit), exit.output, exit.errors);
    return exit;
  }

  nlohmann::json json(Words words, int status = 0) const {
    words.emplace_back("--json");
    return document_of(run(std::move(words), status).output);
  }

  // What a terminal of so many columns shows of both streams; `environment` is put before the command ("NO_COLOR=1").
  std::string on_terminal(Words words, std::size_t columns, const std::string& environment = "NO_COLOR=1") const {
    std::string line = fmt::format("stty cols {}; exec env TERM=xterm {} {}", columns, environment, EVERSEAL_PROGRAM);
    for (const std::string& word : command(std::move(words))) line += " '" + word + "'";
    std::string shown = test::run({"script", "-qec", line, "/dev/null"}).output;
    std::erase(shown, '\r');
    return shown;
  }

  // A CSR at `path`, whose directory is made; its key is in `path`.key, and made where that is missing.
  std::string csr(const std::string& path, const std::string& names, const std::string& subject = "/") const {
    const std::string file = folder.file(path);
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    if (!std::filesystem::exists(file + ".key"))
      folder.openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file + ".key"});
    Words words{"req", "-new", "-key", file + ".key", "-subj", subject, "-out", file};
    if (!names.empty()) words.insert(words.end(), {"-addext", "subjectAltName=" + names});
    folder.openssl(words);
    return file;
  }

  std::size_t count_events(const std::string& action) const {
    const auto history = nlohmann::json::parse(run({"history", "--json"}, 0).output);
    return static_cast<std::size_t>(
        std::ranges::count_if(history.at("events"), [&](const auto& event) { return event.at("action") == action; }));
  }
  // How often the authority signed.
  std::size_t count_signed() const { return count_events("certificate.signed"); }
  std::string fragment(const std::string& name) const { return folder.read("conf.d/" + name + ".toml"); }

  Folder folder;
};

// With a certificate "www" in its second version.
struct HostWithWww : Host {
  HostWithWww() {
    std::filesystem::create_directory(folder.file("tls"));
    run({"issue", "--issuer", "corp", "-d", "www.example.org", "--as", "www", "--deploy-dir", folder.file("tls")}, 0);
    run({"renew", "www", "--force"}, 0);
  }
};

inline bool says(const base::Exit& exit, std::string_view text) {
  // Lines are broken at the width of a terminal where there is one, and there is none here.
  return exit.errors.find(text) != std::string::npos || exit.output.find(text) != std::string::npos;
}

// `openssl x509` over a certificate file.
inline std::string look_at(const std::string& certificate, Words what) {
  what.insert(what.begin(), {"openssl", "x509", "-in", certificate, "-noout"});
  const base::Exit shown = run(std::move(what));
  require_success(shown);
  return shown.output;
}

}  // namespace everseal::test
