#include "nodemanager/egg_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/status.h"
#include "base/text.h"
#include "clustermanager/test_support.h"

namespace fate::nodemanager {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

daemon::EggrollSettings Settings() {
  daemon::EggrollSettings s;
  s.cluster_manager_host = "127.0.0.2";
  s.node_manager_host = "127.0.0.3";
  s.logs_dir = "/logs";
  s.config_path = "/conf/eggroll.properties";
  return s;
}

std::string Line(const EggProgram& program) {
  return Join(EggCommand(program, Settings(), 2, "s1", 7).arguments, " ");
}

// eggroll-compute-and-storage.md 2.1, 2.4
TEST(EggCommandTest, TheNativeEggGetsEveryOptionInItsLongForm) {
  EXPECT_EQ(Line({.path = "/bin/egg_pair"}),
            "/bin/egg_pair --config /conf/eggroll.properties --session-id s1 --server-node-id 2 "
            "--processor-id 7 --cluster-manager 127.0.0.2:4670 --node-manager 4671 "
            "--host 127.0.0.3");
  EXPECT_EQ(EggCommand({.path = "/bin/egg_pair"}, Settings(), 2, "s1", 7).err_file,
            "/logs/s1/egg_pair-7.err");
}

// eggroll-control-plane.md 9.1
TEST(EggCommandTest, AScriptIsRunByBashAsUpstreamDoes) {
  EXPECT_EQ(Line({.path = "/home/bin/boot.sh", .is_script = true, .python_venv = "/venv"}),
            "/bin/bash /home/bin/boot.sh --config /conf/eggroll.properties --python-venv /venv "
            "--session-id s1 --server-node-id 2 --processor-id 7");
}

TEST(EggCommandTest, TheProgramIsFoundBesideTheNodemanagerOrBelowEggrollHome) {
  fate::testing::TempDir dir;
  std::ofstream(dir.path() + "/boot.sh") << "exit 0\n";
  auto properties =
      *Properties::Parse("eggroll.resourcemanager.bootstrap.egg_pair.exepath=boot.sh", "f");
  auto script = EggProgram::Find(properties, dir.path(), "/own");
  ASSERT_TRUE(script.ok()) << script.status();
  EXPECT_EQ(script->path, dir.path() + "/boot.sh");
  EXPECT_TRUE(script->is_script);
  EXPECT_EQ(script->folder, dir.path());
  EXPECT_THAT(Message(EggProgram::Find(properties, "/nowhere", "/own").status()),
              AllOf(HasSubstr("f:1"), HasSubstr("/nowhere/boot.sh"), HasSubstr("EGGROLL_HOME")));
  EXPECT_THAT(Message(EggProgram::Find(*Properties::Parse("", "f"), "", dir.path()).status()),
              HasSubstr(dir.path() + "/egg_pair"));
}

}  // namespace
}  // namespace fate::nodemanager
