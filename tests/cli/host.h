// A host of its own with an authority "corp" and a certificate "www" in its second version.
#pragma once

#include "cli/cli.h"

#include <string>

#include <fmt/format.h>

namespace everseal::test {

class Host {
 public:
  Host() {
    std::filesystem::create_directory(folder.file("tls"));
    run({"init"}, 0);
    run({"ca", "init", "corp", "--root-passphrase-file", folder.write("root.passphrase", "correct horse\n", 0600)}, 0);
    run({"issue", "--issuer", "corp", "-d", "www.example.org", "--as", "www", "--deploy-dir", folder.file("tls")}, 0);
    run({"renew", "www", "--force"}, 0);
  }

  Words command(Words words) const {
    words.insert(words.begin(), {"--config", folder.file("everseal.toml"), "--state", folder.file("state")});
    return words;
  }

  base::Exit run(Words words, int status) const {
    base::Exit exit = run_everseal(command(std::move(words)));
    REQUIRE_MESSAGE(exit.status == status, base::describe(exit), exit.output, exit.errors);
    return exit;
  }

  nlohmann::json json(Words words, int status = 0) const {
    words.emplace_back("--json");
    return nlohmann::json::parse(run(std::move(words), status).output);
  }

  // What a terminal of so many columns shows of both streams; `environment` is put before the command ("NO_COLOR=1").
  std::string on_terminal(Words words, std::size_t columns, const std::string& environment = "NO_COLOR=1") const {
    std::string line = fmt::format("stty cols {}; exec env TERM=xterm {} {}", columns, environment, EVERSEAL_PROGRAM);
    for (const std::string& word : command(std::move(words))) line += " '" + word + "'";
    std::string shown = test::run({"script", "-qec", line, "/dev/null"}).output;
    std::erase(shown, '\r');
    return shown;
  }

  test::Folder folder;
};

}  // namespace everseal::test
