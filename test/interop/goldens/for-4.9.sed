# Makes Goldens.java, written for RocketMQ 5.x, compile against 4.9, where the same classes lie elsewhere.
/ \/\/ 5\.x$/d
s/remoting\.protocol\.\(body\|heartbeat\|route\|header\)\./common.protocol.\1./
s/remoting\.protocol\.subscription\./common.subscription./
s/remoting\.protocol\.filter\./common.filter./
s/remoting\.protocol\.admin\./common.admin./
s/remoting\.protocol\.DataVersion/common.DataVersion/
s/TopicConfigAndMappingSerializeWrapper/TopicConfigSerializeWrapper/g
