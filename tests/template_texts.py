"""One template as a document and as the YAML that is made of it: what tests of writer and reader of CloudFormation share."""

from __future__ import annotations

from typing import Any

TEMPLATE: dict[str, Any] = {
    "Outputs": {
        "KeyArn": {"Export": {"Name": {"Fn::Sub": "${AWS::StackName}-key"}}, "Value": {"Fn::GetAtt": ["Key", "Arn"]}}
    },
    "Resources": {
        "Key": {
            "Properties": {
                "Tags": [{"Value": "on", "Key": "owner"}],
                "KeyPolicy": {
                    "Statement": [
                        {
                            "Condition": {"StringEquals": {"kms:CallerAccount": "012345678901"}},
                            "Resource": "*",
                            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                            "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
                            "Effect": "Allow",
                            "Sid": "Readers",
                        }
                    ],
                    "Version": "2012-10-17",
                },
                "EnableKeyRotation": True,
                "RotationPeriodInDays": 90,
            },
            "DeletionPolicy": "Retain",
            "Type": "AWS::KMS::Key",
        },
        "Alias": {
            "Properties": {"TargetKeyId": {"Ref": "Key"}, "AliasName": "alias/logs"},
            "DeletionPolicy": "Retain",
            "Condition": "IsHome",
            "Type": "AWS::KMS::Alias",
        },
    },
    "Conditions": {
        "IsHome": {"Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}, {"Fn::Equals": ["a", ""]}]}
    },
    "Description": "Key: of the trail",
    "AWSTemplateFormatVersion": "2010-09-09",
}

YAML = """\
AWSTemplateFormatVersion: "2010-09-09"
Description: "Key: of the trail"
Conditions:
  IsHome: !Or
    - !Equals
      - !Ref AWS::Region
      - us-east-1
    - !Equals
      - a
      - ""
Resources:
  Key:
    Type: AWS::KMS::Key
    DeletionPolicy: Retain
    Properties:
      EnableKeyRotation: true
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - Sid: Readers
            Effect: Allow
            Principal:
              AWS: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:root
            Action:
              - kms:Decrypt
              - kms:GenerateDataKey*
            Resource: "*"
            Condition:
              StringEquals:
                kms:CallerAccount: "012345678901"
      RotationPeriodInDays: 90
      Tags:
        - Key: owner
          Value: "on"
  Alias:
    Type: AWS::KMS::Alias
    Condition: IsHome
    DeletionPolicy: Retain
    Properties:
      AliasName: alias/logs
      TargetKeyId: !Ref Key
Outputs:
  KeyArn:
    Value: !GetAtt Key.Arn
    Export:
      Name: !Sub ${AWS::StackName}-key
"""
