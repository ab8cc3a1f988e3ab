<?php
// An SMS campaign. Of the manual's own PHP example only the answer is left; this is its
// e-mail example with the body of the other languages' campaigns.
$curl = curl_init();

curl_setopt_array($curl, array(
  CURLOPT_URL => getenv("SMSCLOUDS_HOST") . "/api/v3/campaign",
  CURLOPT_RETURNTRANSFER => true,
  CURLOPT_ENCODING => "",
  CURLOPT_MAXREDIRS => 10,
  CURLOPT_TIMEOUT => 0,
  CURLOPT_FOLLOWLOCATION => true,
  CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
  CURLOPT_CUSTOMREQUEST => "POST",
  CURLOPT_POSTFIELDS => "{\"text\":\"hi mi name y jose\",\"recipients\":[{\"cellphone\":\"4498987282\"},{\"cellphone\":\"4498987283\"},{\"cellphone\":\"4498987283\"}],\"campaign_name\":\"my campaign\",\"route\":87,\"country\":1,\"encode\":false,\"long_message\":false}",
  CURLOPT_HTTPHEADER => array(
    "Authorization: Bearer " . getenv("SMSCLOUDS_TOKEN"),
    "Content-Type: application/json",
    "Accept: application/json"
  ),
));

$response = curl_exec($curl);
curl_close($curl);
echo $response;
