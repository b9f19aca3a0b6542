#pragma once

// The commands of the managers by URI (spec/eggroll-control-plane.md 3, 4).

namespace fate::session::commands {

// clustermanager, metadata
inline constexpr char kGetServerNode[] = "v1/cluster-manager/metadata/getServerNode";
inline constexpr char kGetServerNodes[] = "v1/cluster-manager/metadata/getServerNodes";
inline constexpr char kGetOrCreateServerNode[] =
    "v1/cluster-manager/metadata/getOrCreateServerNode";
inline constexpr char kCreateOrUpdateServerNode[] =
    "v1/cluster-manager/metadata/createOrUpdateServerNode";
inline constexpr char kGetStore[] = "v1/cluster-manager/metadata/getStore";
inline constexpr char kGetOrCreateStore[] = "v1/cluster-manager/metadata/getOrCreateStore";
inline constexpr char kDeleteStore[] = "v1/cluster-manager/metadata/deleteStore";
inline constexpr char kGetStoreFromNamespace[] =
    "v1/cluster-manager/metadata/getStoreFromNamespace";

// clustermanager, sessions
inline constexpr char kGetOrCreateSession[] = "v1/cluster-manager/session/getOrCreateSession";
inline constexpr char kGetSession[] = "v1/cluster-manager/session/getSession";
// Option of getSession: with "true" an unknown session is answered, empty, at once instead of being
// waited for like one that starts. Upstream's cluster manager does not know it.
inline constexpr char kUnknownAtOnce[] = "eggroll.session.unknown.at.once";
inline constexpr char kSessionHeartbeat[] = "v1/cluster-manager/session/heartbeat";
inline constexpr char kStopSession[] = "v1/cluster-manager/session/stopSession";
inline constexpr char kKillSession[] = "v1/cluster-manager/session/killSession";
inline constexpr char kKillAllSessions[] = "v1/cluster-manager/session/killAllSessions";
inline constexpr char kGetQueueView[] = "v1/cluster-manager/session/getQueueView";

// clustermanager, nodes and resources
inline constexpr char kNodeHeartbeat[] = "v1/cluster-manager/manager/nodeHeartbeat";
inline constexpr char kNodeMetaInfo[] = "v1/cluster-manager/manager/nodeMetaInfo";
inline constexpr char kQueryClusterResource[] =
    "v1/cluster-manager/resource/queryClusterResourceInfo";

// clustermanager, DeepSpeed jobs and their rendezvous
inline constexpr const char* kJobCommands[] = {"v1/cluster-manager/job/submitJob",
                                               "v1/cluster-manager/job/queryJobStatus",
                                               "v1/cluster-manager/job/queryJob",
                                               "v1/cluster-manager/job/stopJob",
                                               "v1/cluster-manager/job/killJob",
                                               "v1/cluster-manager/job/downloadJob",
                                               "v1/cluster-manager/job/prepareJobDownload",
                                               "v1/cluster-manager/job/rendezvous/set",
                                               "v1/cluster-manager/job/rendezvous/get",
                                               "v1/cluster-manager/job/rendezvous/add",
                                               "v1/cluster-manager/job/rendezvous/destroy"};

// nodemanager
inline constexpr char kStartContainers[] = "v1/node-manager/processor/startContainers";
inline constexpr char kStopContainers[] = "v1/node-manager/processor/stopContainers";
inline constexpr char kKillContainers[] = "v1/node-manager/processor/killContainers";
inline constexpr char kProcessorHeartbeat[] = "v1/node-manager/processor/heartbeat";
inline constexpr char kCheckNodeProcess[] = "v1/node-manager/resouce/checkNodeProcess";
inline constexpr const char* kJobContainerCommands[] = {
    "v1/node-manager/container/startJobContainers", "v1/node-manager/container/stopJobContainers",
    "v1/node-manager/container/killJobContainers", "v1/node-manager/container/downloadContainers",
    "v1/node-manager/container/startFlowJobContainers"};

}  // namespace fate::session::commands
